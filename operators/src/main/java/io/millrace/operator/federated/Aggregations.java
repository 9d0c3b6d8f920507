package io.millrace.operator.federated;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Aggregation rules by name, for updates that are all at hand: what the chunk operators do, with
 * the round's decision in between, in one call. For measurements and for programs without streams.
 *
 * <pre>
 * mean              {@link FixedPointSum} of equal weights
 * median            {@link CoordinateMedian}
 * trimmed-mean      {@link TrimmedMean}
 * krum, multi-krum  {@link Krum} of one, and of all but the faulty
 * geometric-median  {@link GeometricMedian}, three passes from the median
 * nnm-trimmed-mean  {@link NearestNeighbourMixing} before the trimmed mean
 * </pre>
 */
public final class Aggregations {
  private static final int PASSES = 3;
  private static final double FLOOR = 1e-6;

  /** Updates with larger values are refused by the mean. */
  private static final float LARGEST = 1e6f;

  /** Sizes of a round. */
  private record Round(int clients, int faulty) {}

  private static final Map<String, Function<Round, Aggregation>> RULES = rules();

  private Aggregations() {}

  /** All names. */
  public static List<String> names() {
    return List.copyOf(RULES.keySet());
  }

  /**
   * A rule by its name.
   *
   * @param clients updates of a round
   * @param faulty of them, at most, fewer than half; ignored by rules that need not know
   * @throws IllegalArgumentException for an unknown name or impossible numbers
   */
  public static Aggregation named(String name, int clients, int faulty) {
    Function<Round, Aggregation> rule = RULES.get(name);
    if (rule == null) {
      throw new IllegalArgumentException(
          "aggregation is " + name + ", expected one of " + String.join(", ", names()));
    }
    return rule.apply(new Round(clients, faulty));
  }

  private static Map<String, Function<Round, Aggregation>> rules() {
    Map<String, Function<Round, Aggregation>> rules = new TreeMap<>();
    rules.put("mean", round -> Aggregations::mean);
    rules.put("median", round -> column(new CoordinateMedian(round.clients)));
    rules.put("trimmed-mean", round -> column(new TrimmedMean(round.clients, round.faulty)));
    rules.put("krum", round -> weighted(new Krum(round.faulty, 1)));
    rules.put(
        "multi-krum", round -> weighted(new Krum(round.faulty, round.clients - round.faulty)));
    rules.put("geometric-median", round -> geometricMedian(new CoordinateMedian(round.clients)));
    rules.put(
        "nnm-trimmed-mean", round -> mixed(round, new TrimmedMean(round.clients, round.faulty)));
    return rules;
  }

  private static void mean(float[][] updates, double[] out) {
    int[] weights = new int[updates.length];
    Arrays.fill(weights, 1);
    FixedPointSum sum =
        new FixedPointSum(out.length, FixedPointScale.finest(LARGEST, 1, updates.length));
    sum.addAll(updates, 0, weights);
    sum.mean(out);
  }

  private static Aggregation column(ColumnRule rule) {
    return (updates, out) -> rule.combine(updates, 0, out.length, out, 0);
  }

  private static Aggregation weighted(GramRule rule) {
    return (updates, out) -> {
      double[] weights = rule.weights(gram(updates, out.length));
      WeightedSum.combine(weights, updates, 0, out.length, out, 0);
    };
  }

  private static Aggregation mixed(Round round, ColumnRule rule) {
    NearestNeighbourMixing neighbours = new NearestNeighbourMixing(round.faulty);
    return (updates, out) -> {
      Mixing mixing = neighbours.mixing(gram(updates, out.length));
      new MixedRule(mixing, rule).combine(updates, 0, out.length, out, 0);
    };
  }

  private static Aggregation geometricMedian(ColumnRule median) {
    GeometricMedian rule = new GeometricMedian(PASSES, FLOOR);
    return (updates, out) -> {
      median.combine(updates, 0, out.length, out, 0);
      float[][] rows = Arrays.copyOf(updates, updates.length + 1);
      rows[updates.length] = Vectors.floats(out);
      double[] weights = rule.weights(gram(rows, out.length));
      WeightedSum.combine(weights, rows, 0, out.length, out, 0);
    };
  }

  private static Gram gram(float[][] rows, int length) {
    Gram gram = new Gram(rows.length);
    gram.add(rows, 0, length);
    return gram;
  }
}
