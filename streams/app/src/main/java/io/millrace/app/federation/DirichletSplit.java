package io.millrace.app.federation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Divides images among clients so that each has its own mix of classes: of every class the clients
 * get shares drawn from a Dirichlet distribution (Hsu, Qi, Brown, 2019, arXiv 1909.06335). Small
 * concentrations give clients with few classes, large ones equal clients. Draws that leave a client
 * with fewer than {@value #FEWEST} images are drawn again.
 *
 * <p>Gamma draws by Marsaglia and Tsang (2000) with java.util.Random, whose algorithm is specified.
 *
 * @param clients 1 or more
 * @param concentration alpha, above 0
 * @param seed of the draw
 */
public record DirichletSplit(int clients, double concentration, long seed) {
  private static final int FEWEST = 10;
  private static final int MOST_DRAWS = 1_000;

  /** Checks the numbers. */
  public DirichletSplit {
    if (clients < 1 || clients > 10_000 || !(concentration > 0 && concentration <= 1e6)) {
      throw new IllegalArgumentException(
          "division among "
              + clients
              + " clients with concentration "
              + concentration
              + ", expected 1 to 10000 clients and above 0 to 1e6");
    }
  }

  /**
   * Divides.
   *
   * @return a part a client, disjoint, together all; each in the order of the whole
   * @throws IllegalArgumentException when no draw gives every client enough
   */
  public List<LabelledImages> of(LabelledImages images) {
    Random random = new Random(seed);
    for (int draw = 0; draw < MOST_DRAWS; draw++) {
      int[] owner = owners(images, random);
      int[] counts = new int[clients];
      for (int client : owner) {
        counts[client]++;
      }
      if (Arrays.stream(counts).allMatch(count -> count >= FEWEST)) {
        return parts(images, owner, counts);
      }
    }
    throw new IllegalArgumentException(
        images.count() + " images cannot be divided among " + clients + " clients");
  }

  private List<LabelledImages> parts(LabelledImages images, int[] owner, int[] counts) {
    List<LabelledImages> parts = new ArrayList<>();
    for (int client = 0; client < clients; client++) {
      int[] rows = new int[counts[client]];
      int next = 0;
      for (int i = 0; i < owner.length; i++) {
        if (owner[i] == client) {
          rows[next++] = i;
        }
      }
      parts.add(images.select(rows));
    }
    return parts;
  }

  private int[] owners(LabelledImages images, Random random) {
    int[] owner = new int[images.count()];
    int[] histogram = images.histogram();
    for (int label = 0; label < images.classes(); label++) {
      int[] members = new int[histogram[label]];
      int found = 0;
      for (int i = 0; i < owner.length; i++) {
        if (images.labels()[i] == label) {
          members[found++] = i;
        }
      }
      MinibatchTraining.shuffle(members, random);
      double[] borders = borders(random);
      int client = 0;
      for (int i = 0; i < members.length; i++) {
        while (client < clients - 1 && i >= borders[client] * members.length) {
          client++;
        }
        owner[members[i]] = client;
      }
    }
    return owner;
  }

  /** Running sums of the shares. */
  private double[] borders(Random random) {
    double[] borders = new double[clients];
    double sum = 0;
    for (int i = 0; i < clients; i++) {
      sum += gamma(concentration, random);
      borders[i] = sum;
    }
    for (int i = 0; i < clients; i++) {
      // All draws of a tiny concentration may have been zero.
      borders[i] = sum > 0 ? borders[i] / sum : 1;
    }
    return borders;
  }

  private static double gamma(double shape, Random random) {
    if (shape < 1) {
      return gamma(shape + 1, random) * StrictMath.pow(random.nextDouble(), 1 / shape);
    }
    double d = shape - 1.0 / 3;
    double c = 1 / StrictMath.sqrt(9 * d);
    while (true) {
      double normal = random.nextGaussian();
      double cube = 1 + c * normal;
      if (cube > 0) {
        double v = cube * cube * cube;
        double bound = 0.5 * normal * normal + d - d * v + d * StrictMath.log(v);
        if (StrictMath.log(random.nextDouble()) < bound) {
          return d * v;
        }
      }
    }
  }
}
