package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Robust rules in training, through both operators: twenty clients that disagree, four of them
 * faulty, who know all honest updates; honest ones send gradients with a momentum of 0.9. Another
 * implementation, on other quadratics, ended this far from the honest minimum: mean without bound
 * under far updates, 0.29 under ALIE; median 0.35 to 0.43, Krum 0.55 to 0.89, mixing and trimming
 * 0.01 to 0.25. What carries over is the order.
 */
class FederationTrainingTest {
  private static final int CLIENTS = 20;
  private static final int FAULTY = 4;
  private static final int LENGTH = 20;
  private static final int ROUNDS = 80;
  private static final double RATE = 0.2;
  private static final List<String> NAMES =
      IntStream.range(0, CLIENTS).mapToObj(i -> String.format("client-%02d", i)).toList();

  private final double[][] centres = new double[CLIENTS][LENGTH];

  FederationTrainingTest() {
    Random random = new Random(6);
    for (double[] centre : centres) {
      Arrays.setAll(centre, i -> 0.15 * random.nextGaussian());
    }
  }

  @Test
  void farUpdatesTakeTheMeanAlongAndNoRule() {
    assertTrue(distance(PreMixing.NONE, RobustRule.MEAN, Attacks.FAR) > 1000);
    assertTrue(distance(PreMixing.NONE, RobustRule.MEAN, Attacks.SIGN_FLIP) > 1000);
    double[] trimmed = distances(PreMixing.NONE, RobustRule.TRIMMED_MEAN);
    double[] geometric = distances(PreMixing.NONE, RobustRule.GEOMETRIC_MEDIAN);
    assertTrue(largest(trimmed) < 0.41, Arrays.toString(trimmed));
    assertTrue(largest(geometric) < 0.41, Arrays.toString(geometric));
  }

  @Test
  void medianAndKrumAreWorseThanTheMeanUnderAlie() {
    double nothing = distance(PreMixing.NONE, RobustRule.MEAN, Attacks.ALIE);
    double median = distance(PreMixing.NONE, RobustRule.MEDIAN, Attacks.ALIE);
    double krum = distance(PreMixing.NONE, RobustRule.KRUM, Attacks.ALIE);
    assertTrue(nothing < median && median < krum, nothing + ", " + median + ", " + krum);
  }

  @Test
  void mixingAndTrimmingIsNearUnderEveryAttack() {
    double[] mixed = distances(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN);
    double[] krum = distances(PreMixing.NONE, RobustRule.KRUM);
    assertTrue(largest(mixed) < 0.25, Arrays.toString(mixed));
    for (int i = 0; i < mixed.length; i++) {
      assertTrue(mixed[i] < krum[i] / 2, mixed[i] + ", " + krum[i]);
    }
  }

  private static double largest(double[] values) {
    return Arrays.stream(values).max().orElseThrow();
  }

  private double[] distances(PreMixing mixing, RobustRule rule) {
    return Arrays.stream(Attacks.values())
        .mapToDouble(attack -> distance(mixing, rule, attack))
        .toArray();
  }

  private double distance(PreMixing mixing, RobustRule rule, Attacks attack) {
    FederatedSettings settings =
        new FederatedTestSettings()
            .clients(CLIENTS)
            .round(CLIENTS, CLIENTS, 0)
            .robust(mixing, rule, FAULTY)
            .build();
    Federation run = new Federation(settings, new double[LENGTH], LENGTH);
    double[][] momenta = new double[CLIENTS][LENGTH];
    float[][] updates = new float[CLIENTS][LENGTH];
    for (int client = 0; client < CLIENTS; client++) {
      int which = client;
      run.client(
          NAMES.get(client),
          (task, model, control) ->
              new Federation.Sent(List.of(new PlainCodec().encode(updates[which], 0)), List.of()));
    }
    for (int round = 0; round < ROUNDS; round++) {
      double[] model = run.model();
      for (int client = 0; client < CLIENTS; client++) {
        for (int i = 0; i < LENGTH; i++) {
          double gradient = model[i] - centres[client][i];
          momenta[client][i] = 0.9 * momenta[client][i] + 0.1 * gradient;
          updates[client][i] = (float) (-RATE * momenta[client][i]);
        }
      }
      attack.apply(updates, FAULTY);
      run.round(NAMES);
    }
    assertEquals(List.of(), run.refusals);
    double square = 0;
    double[] model = run.model();
    for (int i = 0; i < LENGTH; i++) {
      double honest = 0;
      for (int client = 0; client < CLIENTS - FAULTY; client++) {
        honest += centres[client][i] / (CLIENTS - FAULTY);
      }
      square += (model[i] - honest) * (model[i] - honest);
    }
    return Math.sqrt(square);
  }
}
