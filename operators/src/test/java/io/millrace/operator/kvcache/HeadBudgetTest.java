package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HeadBudgetTest {
  private static final double TOTAL = 3.5;

  @Test
  void wholeBitsMeetTheTotalAndFollowTheBudget() {
    assertArrayEquals(new byte[] {2, 2}, bits(3f, 3f));
    assertArrayEquals(new byte[] {3, 3}, bits(4.4f, 3.6f));
    assertArrayEquals(new byte[] {4, 2}, bits(5f, 3f));
    assertArrayEquals(new byte[] {4, 2}, bits(7f, 1f));
    assertArrayEquals(new byte[] {2, 3, 2, 3}, bits(3.4f, 3.6f, 3.45f, 3.55f));
    assertArrayEquals(new byte[] {4, 4}, bits(9f, 9f));
    assertArrayEquals(new byte[] {2, 2}, bits(1f, 0f));
  }

  @Test
  void neverSpendsMoreThanTheTotal() {
    Random random = new Random(1);
    for (int i = 0; i < 5000; i++) {
      float[] budget = new float[1 + random.nextInt(12)];
      double total = 0;
      for (int head = 0; head < budget.length; head++) {
        budget[head] = 2 + 4 * random.nextFloat();
        total += budget[head];
      }
      int spent = 0;
      for (byte bits : bits(budget)) {
        spent += bits + 1;
      }
      double most = Math.max(3 * budget.length, total + 1e-2);
      assertTrue(spent <= most, spent + " of " + total);
      assertTrue(spent > Math.min(5 * budget.length, total) - 1.01, spent + " of " + total);
    }
  }

  @Test
  void everyHeadCostsItsBitsAndOne() {
    PageShape shape = new PageShape(64, 3, 64);
    float[] values = DumpTools.normal(2, shape.values());
    PageCodec codec = new BudgetedHeads(new HeadBudgetModel("b", 1, new float[] {5, 3, 3}));
    for (PageKind kind : PageKind.values()) {
      assertEquals(
          3 + 64 * 64 * (5 + 3 + 3) / 8, codec.encode(shape, kind, values).length, kind.toString());
    }
  }

  @Test
  void equalBudgetsAreKiviHeadByHead() {
    PageShape shape = new PageShape(64, 3, 64);
    float[] values = DumpTools.normal(3, shape.values());
    PageCodec codec = new BudgetedHeads(new HeadBudgetModel("b", 1, new float[] {3, 3, 3}));
    for (PageKind kind : PageKind.values()) {
      assertArrayEquals(
          DumpTools.through(new Kivi(2, 32), shape, kind, values),
          DumpTools.through(codec, shape, kind, values));
    }
  }

  /**
   * UNComp's entropy and one water level against the same bits given by lot, error of outputs.
   * Entropies of these small models' heads differ by little; the water level tells more.
   */
  @Test
  void learnedBudgetsBeatTheSameBitsGivenByLot() {
    int entropyWins = 0;
    for (String model : List.of("stories260K", "kjv-hd64", "minilm-l6")) {
      KeyValueDump dump = DumpTools.dump(model);
      double byLot = 0;
      int lots = 8;
      for (int lot = 0; lot < lots; lot++) {
        Random random = new Random(lot);
        byLot += outputs(dump, (layer, kind, head) -> random.nextDouble()) / lots;
      }
      double byEntropy = outputs(dump, (layer, kind, head) -> entropy(dump, layer, kind, head));
      double byWater = outputs(dump, (layer, kind, head) -> logVariance(dump, layer, kind, head));
      String all = model + ": " + byEntropy + ", " + byWater + " against " + byLot;
      entropyWins += byEntropy < byLot ? 1 : 0;
      assertTrue(byWater < byLot, all);
    }
    assertTrue(entropyWins >= 2, "entropy wins on " + entropyWins);
  }

  @Test
  void entropyIsOneOfEqualChannelsAndNoneOfOneDirection() {
    int tokens = 20_000;
    float[] equal = DumpTools.normal(4, tokens * 16);
    float[] one = new float[tokens * 16];
    for (int i = 0; i < one.length; i++) {
      one[i] = equal[i / 16] * (1 + i % 16);
    }
    assertEquals(1, entropy(equal, 16, 16), 1e-3);
    assertEquals(0, entropy(one, 16, 16), 1e-3);
  }

  @Test
  void isFoundOnceItsBudgetIsKnownAndReadWithoutIt() {
    HeadBudgetModel budget = new HeadBudgetModel("m/budget", 4, new float[] {5, 3});
    assertEquals(Optional.empty(), PageCodecs.named("kivi-budget", CodecContext.NONE));
    PageCodec codec =
        PageCodecs.named("kivi-budget", LearnedModels.context("m", budget)).orElseThrow();
    PageShape shape = new PageShape(32, 2, 32);
    float[] values = DumpTools.normal(5, shape.values());
    byte[] payload = codec.encode(shape, PageKind.KEYS, values);
    float[] restored = new float[values.length];
    PageCodec reading = PageCodecs.reading(codec.id(), codec.parameters(), Optional.empty());
    DumpTools.open(reading, shape, PageKind.KEYS, payload).restore(restored);
    assertArrayEquals(DumpTools.through(codec, shape, PageKind.KEYS, values), restored);
    assertThrows(
        IllegalArgumentException.class, () -> reading.encode(shape, PageKind.KEYS, values));
    payload[1] = 5;
    assertThrows(
        IllegalArgumentException.class,
        () -> DumpTools.open(reading, shape, PageKind.KEYS, payload));
  }

  @Test
  void refusesImpossibleBudgets() {
    for (float[] bits : new float[][] {{}, {Float.NaN}, {-1f}, {Float.POSITIVE_INFINITY}}) {
      assertThrows(IllegalArgumentException.class, () -> new HeadBudgetModel("b", 1, bits));
    }
  }

  private static byte[] bits(float... budget) {
    return BudgetedHeads.codeBits(budget);
  }

  private interface Weight {
    double of(int layer, PageKind kind, int head);
  }

  /** Half of a layer's heads, those with the largest weight, have 4 bits a value, half have 3. */
  private static double outputs(KeyValueDump dump, Weight weight) {
    return PageMeasure.of(
            dump,
            PageMeasure.PAGE,
            (layer, kind) -> {
              double[] weights = new double[dump.heads()];
              for (int head = 0; head < weights.length; head++) {
                weights[head] = weight.of(layer, kind, head);
              }
              float[] bits = new float[weights.length];
              for (int head = 0; head < bits.length; head++) {
                int rank = 0;
                for (double other : weights) {
                  rank += other > weights[head] ? 1 : 0;
                }
                bits[head] = (float) TOTAL + 0.1f - 0.2f * rank / (bits.length - 1);
              }
              return new BudgetedHeads(new HeadBudgetModel("b", 1, bits));
            })
        .outputs();
  }

  private static double entropy(KeyValueDump dump, int layer, PageKind kind, int head) {
    int d = dump.headDimension();
    return entropy(vectors(dump, layer, kind, head), d, Math.max(1, d / 4));
  }

  /** UNComp's: centred over tokens, unit rows, trace one, the k largest eigenvalues. */
  private static double entropy(float[] vectors, int d, int k) {
    int tokens = vectors.length / d;
    double[] mean = new double[d];
    for (int i = 0; i < vectors.length; i++) {
      mean[i % d] += vectors[i] / (double) tokens;
    }
    double[] products = new double[d * d];
    double[] unit = new double[d];
    for (int t = 0; t < tokens; t++) {
      double norm = 0;
      for (int i = 0; i < d; i++) {
        unit[i] = vectors[t * d + i] - mean[i];
        norm += unit[i] * unit[i];
      }
      for (int i = 0; i < d && norm > 0; i++) {
        for (int j = 0; j < d; j++) {
          products[i * d + j] += unit[i] * unit[j] / norm / tokens;
        }
      }
    }
    double[] values = SymmetricEigen.of(products, d).values();
    double entropy = 0;
    for (int i = 0; i < k; i++) {
      double value = Math.max(values[i], 0) + 1e-10;
      entropy -= value * Math.log(value) / Math.log(d);
    }
    return entropy;
  }

  private static double logVariance(KeyValueDump dump, int layer, PageKind kind, int head) {
    int d = dump.headDimension();
    float[] vectors = vectors(dump, layer, kind, head);
    double sum = 0;
    for (int c = 0; c < d; c++) {
      double first = 0;
      double second = 0;
      for (int i = c; i < vectors.length; i += d) {
        first += vectors[i];
        second += (double) vectors[i] * vectors[i];
      }
      double mean = first * d / vectors.length;
      sum += Math.log(second * d / vectors.length - mean * mean);
    }
    return sum;
  }

  private static float[] vectors(KeyValueDump dump, int layer, PageKind kind, int head) {
    int d = dump.headDimension();
    float[] all = dump.span(kind, layer, 0, dump.tokens());
    float[] vectors = new float[dump.tokens() * d];
    for (int t = 0; t < dump.tokens(); t++) {
      System.arraycopy(all, t * dump.channels() + head * d, vectors, t * d, d);
    }
    return vectors;
  }
}
