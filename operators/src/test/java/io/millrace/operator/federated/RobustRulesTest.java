package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Rules from summed Gram matrices and from columns against direct implementations on vectors. */
class RobustRulesTest {
  private static final int CLIENTS = 20;
  private static final int FAULTY = 5;
  private static final int LENGTH = 200;
  private static final long SEED = 23;

  private final float[][] updates = Attacks.honest(CLIENTS, LENGTH, new Random(SEED));

  RobustRulesTest() {
    Attacks.FAR.apply(updates, FAULTY);
  }

  @Test
  void krumFromInnerProductsIsKrumOnVectors() {
    for (int chosen : new int[] {1, 4, CLIENTS - FAULTY}) {
      double[] direct = DirectRules.krum(updates, FAULTY, chosen);
      assertClose(direct, combined(new Krum(FAULTY, chosen).weights(gram(updates))), 1e-14);
    }
  }

  @Test
  void krumChoosesAsOnVectorsInManySmallRounds() {
    Random random = new Random(SEED);
    for (int round = 0; round < 300; round++) {
      int clients = 5 + random.nextInt(6);
      int faulty = random.nextInt(clients - 2);
      float[][] rows = Attacks.honest(clients, 3, random);
      Gram gram = new Gram(clients);
      gram.add(rows, 0, 3);
      double[] out = new double[3];
      WeightedSum.combine(new Krum(faulty, 1).weights(gram), rows, 0, 3, out, 0);
      assertClose(DirectRules.krum(rows, faulty, 1), out, 1e-12);
    }
  }

  /**
   * Why inner products are of updates and in double: those of whole models in float32 have lost the
   * updates, a ten-thousandth of them, and choose another client.
   */
  @Test
  void krumChoosesByUpdatesWhereModelsInFloatHaveLostThem() {
    Random random = new Random(SEED);
    int same = 0;
    for (int draw = 0; draw < 5; draw++) {
      float[][] rows = Attacks.honest(10, LENGTH, random);
      float[] model = Attacks.honest(1, LENGTH, random)[0];
      float[][] models = new float[rows.length][LENGTH];
      for (int client = 0; client < rows.length; client++) {
        for (int i = 0; i < LENGTH; i++) {
          rows[client][i] *= 1e-4f;
          models[client][i] = model[i] + rows[client][i];
        }
      }
      double[] direct = DirectRules.krum(rows, 2, 1);
      assertClose(direct, combined(rows, new Krum(2, 1).weights(gram(rows))), 1e-14);
      same += Arrays.equals(direct, doubles(rows[krumInFloat(models, 2)])) ? 1 : 0;
    }
    assertTrue(same <= 2, same + " of 5 choices alike");
  }

  /** |a|^2 + |b|^2 - 2ab, all in float32. */
  private static int krumInFloat(float[][] rows, int faulty) {
    float best = Float.POSITIVE_INFINITY;
    int chosen = -1;
    for (int row = 0; row < rows.length; row++) {
      float[] distances = new float[rows.length - 1];
      int count = 0;
      for (int other = 0; other < rows.length; other++) {
        if (other != row) {
          distances[count++] =
              dot(rows[row], rows[row])
                  + dot(rows[other], rows[other])
                  - 2 * dot(rows[row], rows[other]);
        }
      }
      Arrays.sort(distances);
      float score = 0;
      for (int i = 0; i < rows.length - faulty - 2; i++) {
        score += distances[i];
      }
      if (score < best) {
        best = score;
        chosen = row;
      }
    }
    return chosen;
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @Test
  void selectedRowsKeepTheirProducts() {
    Gram gram = gram(updates);
    Gram selected = gram.select(new int[] {7, 2, 19});
    assertEquals(3, selected.size());
    assertEquals(gram.product(2, 2), selected.product(1, 1));
    assertEquals(gram.product(7, 19), selected.product(0, 2));
    assertEquals(gram.product(19, 2), selected.product(2, 1));
  }

  @Test
  void geometricMedianFromInnerProductsIsTheOneOnVectors() {
    double[] start = column(new CoordinateMedian(CLIENTS));
    float[][] rows = withRow(updates, floats(start));
    double[] direct = DirectRules.geometricMedian(rows, 8, 1e-6);
    double[] weights = new GeometricMedian(8, 1e-6).weights(gram(rows));
    // Distances of 14 out of squares of 8000^2 keep ten digits.
    assertClose(direct, combined(rows, weights), 1e-8);
  }

  @Test
  void centeredClippingFromInnerProductsIsTheOneOnVectors() {
    float[][] rows = withRow(updates, floats(column(new CoordinateMedian(CLIENTS))));
    double[] direct = DirectRules.centeredClipping(rows, 20, 3);
    assertClose(direct, combined(rows, new CenteredClipping(20, 3).weights(gram(rows))), 1e-12);
  }

  @Test
  void mixedRuleIsTheRuleOverMixedUpdates() {
    Mixing mixing = new NearestNeighbourMixing(FAULTY).mixing(gram(updates));
    float[][] means = new float[CLIENTS][LENGTH];
    mixing.apply(updates, 0, LENGTH, means);
    double[] expected = new double[LENGTH];
    new TrimmedMean(CLIENTS, FAULTY).combine(means, 0, LENGTH, expected, 0);
    double[] got = new double[LENGTH];
    new MixedRule(mixing, new TrimmedMean(CLIENTS, FAULTY)).combine(updates, 0, LENGTH, got, 0);
    assertArrayEquals(expected, got);
  }

  @Test
  void mixingFromInnerProductsIsMixingOfVectors() {
    Mixing mixing = new NearestNeighbourMixing(FAULTY).mixing(gram(updates));
    float[][] direct = DirectRules.nearestNeighbourMixing(updates, FAULTY);
    float[][] mixed = new float[CLIENTS][LENGTH];
    mixing.apply(updates, 0, LENGTH, mixed);
    for (int i = 0; i < CLIENTS; i++) {
      assertArrayEquals(direct[i], mixed[i]);
    }
    Gram ofMixed = gram(updates).mixed(mixing);
    Gram expected = gram(direct);
    for (int i = 0; i < CLIENTS; i++) {
      for (int j = 0; j < CLIENTS; j++) {
        // The vectors of the reference were rounded to float.
        double size = Math.sqrt(expected.product(i, i) * expected.product(j, j));
        assertEquals(expected.product(i, j), ofMixed.product(i, j), 1e-6 * size);
      }
    }
    double[] krum = mixing.unmixed(new Krum(FAULTY, 1).weights(ofMixed));
    assertClose(DirectRules.krum(direct, FAULTY, 1), combined(krum), 1e-6);
  }

  @Test
  void referenceRowStaysItselfBesideMixedOnes() {
    float[][] rows = withRow(updates, floats(column(new CoordinateMedian(CLIENTS))));
    Mixing mixing = new NearestNeighbourMixing(FAULTY).mixing(gram(updates)).withReference();
    double[] weights = new GeometricMedian(8, 1e-6).weights(gram(rows).mixed(mixing));
    float[][] mixed = new float[CLIENTS + 1][LENGTH];
    mixing.apply(rows, 0, LENGTH, mixed);
    assertArrayEquals(rows[CLIENTS], mixed[CLIENTS]);
    double[] direct = DirectRules.geometricMedian(mixed, 8, 1e-6);
    assertClose(direct, combined(rows, mixing.unmixed(weights)), 1e-5);
  }

  @Test
  void nearestNeighbourAveragingTakesTheNearestToThePivot() {
    float[][] rows = withRow(updates, updates[3]);
    double[] weights = new NearestNeighbourAveraging(FAULTY).weights(gram(rows));
    float[][] nearest = DirectRules.nearestNeighbourMixing(updates, FAULTY);
    assertClose(doubles(nearest[3]), combined(rows, weights), 1e-7);
    assertEquals(0, weights[CLIENTS]);
  }

  @Test
  void flagAggregatorFromInnerProductsIsTheOneOnVectors() {
    float[][] honest = Attacks.honest(CLIENTS, LENGTH, new Random(SEED));
    for (int dimensions : new int[] {1, 3, 10}) {
      double[] direct = DirectRules.flag(honest, dimensions, 5);
      double[] weights = new FlagAggregator(dimensions, 5).weights(gram(honest));
      assertClose(direct, combined(honest, weights), 1e-9);
    }
  }

  @Test
  void columnRulesAreThoseOnSortedColumns() {
    for (int clients : new int[] {3, 8, 20, 21}) {
      for (int faulty = 0; 2 * faulty < clients; faulty += 2) {
        float[][] rows = Attacks.honest(clients, LENGTH, new Random(SEED + clients));
        double[] out = new double[LENGTH + 1];
        new TrimmedMean(clients, faulty).combine(rows, 0, LENGTH, out, 1);
        assertClose(DirectRules.trimmed(rows, faulty), tail(out), 1e-14);
        new MeanAroundMedian(clients, faulty).combine(rows, 0, LENGTH, out, 1);
        assertClose(DirectRules.meanAround(rows, faulty, (clients - 1) / 2), tail(out), 1e-14);
        new Phocas(clients, faulty).combine(rows, 0, LENGTH, out, 1);
        assertClose(DirectRules.meanAround(rows, faulty, faulty), tail(out), 1e-14);
        new CoordinateMedian(clients).combine(rows, 0, LENGTH, out, 1);
        assertClose(DirectRules.trimmed(rows, (clients - 1) / 2), tail(out), 1e-14);
      }
    }
  }

  /** T9 on the rules alone. */
  @Test
  void sevenChunksGiveWhatOneGives() {
    float[][] rows = withRow(updates, floats(column(new CoordinateMedian(CLIENTS))));
    int[] borders = {0, 1, 30, 31, 100, 133, 199, LENGTH};
    Gram summed = new Gram(CLIENTS + 1);
    for (int chunk = 0; chunk < 7; chunk++) {
      Gram part = new Gram(CLIENTS + 1);
      part.add(rows, borders[chunk], borders[chunk + 1] - borders[chunk]);
      summed.add(part);
    }
    int[] clients = IntStream.range(0, CLIENTS).toArray();
    Map<GramRule, Gram> rules = new HashMap<>();
    rules.put(new Krum(FAULTY, 1), summed.select(clients));
    rules.put(new Krum(FAULTY, 15), summed.select(clients));
    rules.put(new GeometricMedian(8, 1e-6), summed);
    rules.put(new CenteredClipping(20, 3), summed);
    rules.put(new NearestNeighbourAveraging(FAULTY), summed);
    for (Map.Entry<GramRule, Gram> entry : rules.entrySet()) {
      GramRule rule = entry.getKey();
      int size = entry.getValue().size();
      double[] weights = rule.weights(entry.getValue());
      double[] whole = rule.weights(size == CLIENTS ? gram(updates) : gram(rows));
      double[] out = new double[LENGTH];
      for (int chunk = 0; chunk < 7; chunk++) {
        int length = borders[chunk + 1] - borders[chunk];
        WeightedSum.combine(weights, rows, borders[chunk], length, out, borders[chunk]);
      }
      assertClose(combined(rows, whole), out, 1e-12);
    }
    Mixing mixing = new NearestNeighbourMixing(FAULTY).mixing(summed.select(clients));
    double[] trimmed = new double[LENGTH];
    for (int chunk = 0; chunk < 7; chunk++) {
      int length = borders[chunk + 1] - borders[chunk];
      float[][] mixed = new float[CLIENTS][length];
      mixing.apply(updates, borders[chunk], length, mixed);
      new TrimmedMean(CLIENTS, FAULTY).combine(mixed, 0, length, trimmed, borders[chunk]);
    }
    float[][] direct = DirectRules.nearestNeighbourMixing(updates, FAULTY);
    assertClose(DirectRules.trimmed(direct, FAULTY), trimmed, 1e-12);
  }

  @Test
  void gateRefusesWhatWouldSpoilARuleAndOnlyThat() {
    NormGate gate = new NormGate(1e5);
    float[] bad = {Float.NaN, Float.NEGATIVE_INFINITY, 1e30f, -Float.MAX_VALUE};
    for (int i = 0; i < bad.length; i++) {
      updates[2 * i][LENGTH - 1 - i] = bad[i];
    }
    double[] norms = gram(updates).squaredNorms();
    int[] expected = {1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    int[] accepted = gate.accepted(norms);
    assertArrayEquals(expected, accepted);
    for (int i = 0; i < bad.length; i++) {
      double chunk = NormGate.squaredNorm(updates[2 * i], LENGTH - 10, 10);
      assertTrue(gate.refusal(chunk).isPresent(), "one chunk is enough to refuse " + bad[i]);
    }
    assertTrue(gate.refusal(1e10).isEmpty());
    assertTrue(gate.refusal(Math.nextUp(1e10)).orElseThrow().contains("at most 100000.0"));
    Gram clean = gram(updates).select(accepted);
    double[] weights = new Krum(3, 5).weights(clean);
    float[][] rows = Arrays.stream(accepted).mapToObj(row -> updates[row]).toArray(float[][]::new);
    for (double value : combined(rows, weights)) {
      assertTrue(Math.abs(value) < 1e5);
    }
    double[] mean = new double[CLIENTS];
    Arrays.fill(mean, 1.0 / CLIENTS);
    double[] spoilt = combined(updates, mean);
    assertFalse(Double.isFinite(spoilt[LENGTH - 1]), "the mean without a gate is lost");
  }

  @Test
  void bucketsHoldEveryClientOnceAndFollowTheSeed() {
    for (int clients : new int[] {1, 2, 7, 20, 64}) {
      Mixing mixing = new Bucketing(2, 77).mixing(clients);
      assertEquals((clients + 1) / 2, mixing.size());
      int[] all =
          IntStream.range(0, mixing.size())
              .flatMap(bucket -> Arrays.stream(mixing.members(bucket)))
              .sorted()
              .toArray();
      assertArrayEquals(IntStream.range(0, clients).toArray(), all);
    }
    int[] partners = new int[20];
    for (int seed = 0; seed < 4000; seed++) {
      Mixing mixing = new Bucketing(2, seed).mixing(20);
      for (int bucket = 0; bucket < 10; bucket++) {
        if (mixing.members(bucket)[0] == 0) {
          partners[mixing.members(bucket)[1]]++;
        }
      }
    }
    for (int partner = 1; partner < 20; partner++) {
      // 4000 / 19 = 210, standard deviation 14
      assertEquals(210, partners[partner], 60, "partner " + partner);
    }
  }

  @Test
  void impossibleNumbersOfClientsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new TrimmedMean(10, 5));
    assertThrows(IllegalArgumentException.class, () -> new Phocas(4, -1));
    assertThrows(IllegalArgumentException.class, () -> new MeanAroundMedian(0, 0));
    assertThrows(IllegalArgumentException.class, () -> new CoordinateMedian(0));
    assertThrows(IllegalArgumentException.class, () -> new Krum(18, 1).weights(gram(updates)));
    assertThrows(
        IllegalArgumentException.class, () -> new GeometricMedian(1, 1e-6).weights(new Gram(1)));
    assertThrows(IllegalArgumentException.class, () -> new NormGate(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Mixing(3, new int[][] {{0, 3}}));
  }

  private double[] column(ColumnRule rule) {
    double[] out = new double[LENGTH];
    rule.combine(updates, 0, LENGTH, out, 0);
    return out;
  }

  private double[] combined(double[] weights) {
    return combined(updates, weights);
  }

  private static double[] combined(float[][] rows, double[] weights) {
    double[] out = new double[LENGTH];
    WeightedSum.combine(weights, rows, 0, LENGTH, out, 0);
    return out;
  }

  private static Gram gram(float[][] rows) {
    Gram gram = new Gram(rows.length);
    gram.add(rows, 0, LENGTH);
    return gram;
  }

  private static float[][] withRow(float[][] rows, float[] last) {
    float[][] extended = Arrays.copyOf(rows, rows.length + 1);
    extended[rows.length] = last;
    return extended;
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }

  private static double[] tail(double[] values) {
    return Arrays.copyOfRange(values, 1, values.length);
  }

  private static void assertClose(double[] expected, double[] got, double relative) {
    double scale = Math.sqrt(Arrays.stream(expected).map(x -> x * x).sum());
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += (expected[i] - got[i]) * (expected[i] - got[i]);
    }
    assertTrue(
        Math.sqrt(difference) <= relative * scale,
        "difference " + Math.sqrt(difference) + " of " + scale);
  }
}
