package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codecs of updates: loss against theory, bytes against the layout, damaged payloads refused. */
class UpdateCodecTest {
  private static final int LENGTH = 4096;
  private static final long SEED = 31;

  private final float[] update = heavyTailed(LENGTH, new Random(SEED));

  static List<UpdateCodec> codecs() {
    return List.of(
        new PlainCodec(),
        new TopKCodec(64),
        new TopKCodec(5000),
        new QuantisedSgdCodec(4, 512),
        new QuantisedSgdCodec(255, 100),
        new SignCodec(512),
        new NaturalCodec(),
        new LinearPayload(new RandomKCodec(64)),
        new LinearPayload(new CountSketch(5, 512)),
        new LinearPayload(new HadamardSketch(256)));
  }

  @Test
  void topKKeepsTheLargestAndIsContractive() {
    float[] kept = through(new TopKCodec(64), update, 0);
    double[] sizes = IntStream.range(0, LENGTH).mapToDouble(i -> -Math.abs(update[i])).toArray();
    Arrays.sort(sizes);
    int count = 0;
    for (int i = 0; i < LENGTH; i++) {
      assertTrue(kept[i] == 0 || kept[i] == update[i]);
      assertTrue(kept[i] == 0 || Math.abs(kept[i]) >= -sizes[63]);
      count += kept[i] != 0 ? 1 : 0;
    }
    assertEquals(64, count);
    assertTrue(loss(update, kept) <= 1 - 64.0 / LENGTH);
  }

  @Test
  void topKTakesTheFirstOfEqualValuesAtAnyLength() {
    for (int length : new int[] {1, 5, 100, 8192, 8193, 20_000}) {
      float[] equal = new float[length];
      for (int i = 0; i < length; i++) {
        equal[i] = i % 2 == 0 ? 1 : -1;
      }
      equal[length - 1] = 2;
      float[] kept = through(new TopKCodec(3), equal, 0);
      for (int i = 0; i < length; i++) {
        boolean wanted = i < 2 || i == length - 1 || length <= 3;
        assertEquals(wanted ? equal[i] : 0, kept[i], "value " + i + " of " + length);
      }
    }
  }

  @Test
  void randomisedCodecsAreUnbiasedWithinTheirVariance() {
    assertUnbiased(new LinearPayload(new RandomKCodec(64)), 63, 63);
    // bounds min(d / s^2, sqrt(d) / s) of one bucket
    assertUnbiased(new QuantisedSgdCodec(4, LENGTH), 3, 16);
    assertUnbiased(new QuantisedSgdCodec(64, LENGTH), 0.05, 1);
    // measured elsewhere 0.081, bound 1/8
    assertUnbiased(new NaturalCodec(), 0.076, 0.086);
    assertUnbiased(new LinearPayload(new HadamardSketch(256)), 15, 15);
    assertUnbiased(new LinearPayload(new HadamardSketch(1024)), 3, 3);
  }

  @Test
  void signsLoseWhatTheoryBids() {
    double sum = 0;
    double square = 0;
    for (float value : update) {
      sum += Math.abs(value);
      square += (double) value * value;
    }
    double theory = 1 - sum * sum / (LENGTH * square);
    assertEquals(theory, loss(update, through(new SignCodec(LENGTH), update, 0)), 1e-6);
  }

  @Test
  void countSketchFindsHeavyCoordinates() {
    Random random = new Random(SEED);
    int found = 0;
    for (int trial = 0; trial < 20; trial++) {
      float[] x = new float[LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        x[i] = (float) random.nextGaussian();
      }
      int[] heavy = random.ints(0, LENGTH).distinct().limit(20).toArray();
      for (int i : heavy) {
        x[i] = random.nextBoolean() ? 20 : -20;
      }
      float[] estimates = through(new LinearPayload(new CountSketch(5, 512)), x, trial);
      float[] largest = through(new TopKCodec(20), estimates, 0);
      for (int i : heavy) {
        found += largest[i] != 0 ? 1 : 0;
      }
    }
    // 19 of 20 measured elsewhere
    assertTrue(found >= 20 * 19, found + " of 400");
  }

  @Test
  void sumsOfPackedUpdatesUnpackToTheSumOfUpdates() {
    FixedMask mask = new FixedMask(LENGTH, IntStream.range(0, 100).map(i -> 7 * i).toArray());
    for (LinearCodec codec :
        List.of(new RandomKCodec(64), new CountSketch(5, 512), new HadamardSketch(LENGTH), mask)) {
      float[] total = new float[LENGTH];
      int packed = codec.packedLength(LENGTH);
      FixedPointSum sum = new FixedPointSum(packed, FixedPointScale.finest(1e6f, 1, 8));
      for (int client = 0; client < 8; client++) {
        float[] x = new float[LENGTH];
        Random random = new Random(client);
        for (int i = 0; i < LENGTH; i++) {
          x[i] = random.nextInt(2001) - 1000; // whole numbers: no rounding to hide behind
          total[i] += x[i];
        }
        sum.add(codec.pack(x, SEED), 0, 1);
      }
      double[] sums = new double[packed];
      Arrays.setAll(sums, sum::total);
      float[] ofTotal = codec.pack(total, SEED);
      for (int i = 0; i < packed; i++) {
        double rounding = codec instanceof HadamardSketch ? 1e-3 : 0;
        assertEquals(ofTotal[i], sums[i], rounding, codec + " value " + i);
      }
    }
  }

  @Test
  void wholeHadamardSketchLosesNothing() {
    for (int length : new int[] {1, 2, 3, 100, 1024}) {
      float[] x = heavyTailed(length, new Random(SEED));
      assertTrue(loss(x, through(new LinearPayload(new HadamardSketch(2048)), x, SEED)) < 1e-12);
      assertArrayEquals(x, through(new LinearPayload(new RandomKCodec(2048)), x, SEED));
    }
  }

  @Test
  void masksLeaveOtherCoordinatesAloneAndCountTheirOwnWeight() {
    FixedMask mask = new FixedMask(5, new int[] {0, 3});
    double[] out = {9, 9, 9, 9, 9};
    mask.unpack(new double[] {1, 2}, 0, out);
    assertArrayEquals(new double[] {1, 0, 0, 2, 0}, out);
    long[] weights = new long[5];
    mask.addWeight(weights, 7);
    new FixedMask(5, new int[] {3, 4}).addWeight(weights, 2);
    assertArrayEquals(new long[] {7, 0, 0, 9, 2}, weights);
    assertThrows(IllegalArgumentException.class, () -> new FixedMask(5, new int[] {3, 3}));
    assertThrows(IllegalArgumentException.class, () -> new FixedMask(5, new int[] {5}));
    assertThrows(IllegalArgumentException.class, () -> new FixedMask(5, new int[] {-1}));
    assertThrows(IllegalArgumentException.class, () -> mask.pack(new float[4], 0));
    assertThrows(IllegalArgumentException.class, () -> mask.unpack(new double[3], 0, out));
  }

  @Test
  void payloadsHaveTheBytesOfTheirLayouts() {
    assertEquals(4 * LENGTH, new PlainCodec().encode(update, 0).length);
    int topK = new TopKCodec(64).encode(update, 0).length;
    assertTrue(topK >= 4 + 64 * 5 && topK <= 4 + 64 * 6, "top-k has " + topK);
    assertEquals(8 * 4 + LENGTH * 4 / 8, new QuantisedSgdCodec(4, 512).encode(update, 0).length);
    assertEquals(8 * 4 + LENGTH / 8, new SignCodec(512).encode(update, 0).length);
    assertEquals(LENGTH * 9 / 8, new NaturalCodec().encode(update, 0).length);
    assertEquals(256, new LinearPayload(new RandomKCodec(64)).encode(update, 0).length);
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void emptyAndTinyChunksSurvive(UpdateCodec codec) {
    for (int length : new int[] {0, 1, 2, 3, 9}) {
      float[] x = new float[length];
      assertEquals(length, through(codec, x, 5).length);
      for (int i = 0; i < length; i++) {
        x[i] = -0.25f;
      }
      assertEquals(length, through(codec, x, 5).length);
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void valuesThatAreNotFiniteAreRefused(UpdateCodec codec) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] x = update.clone();
      x[LENGTH - 1] = bad;
      assertThrows(IllegalArgumentException.class, () -> codec.encode(x, 1));
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void damagedPayloadsAreRefusedOrFinite(UpdateCodec codec) {
    byte[] payload = codec.encode(update, SEED);
    int bytes = payload.length;
    for (int length : new int[] {0, 1, 3, bytes / 2, bytes - 1}) {
      byte[] truncated = Arrays.copyOf(payload, length);
      assertThrows(
          IllegalArgumentException.class, () -> codec.decode(truncated, LENGTH, SEED), "" + length);
    }
    byte[] longer = Arrays.copyOf(payload, bytes + 1);
    assertThrows(IllegalArgumentException.class, () -> codec.decode(longer, LENGTH, SEED));
    Random random = new Random(SEED);
    List<Integer> refused = new ArrayList<>();
    for (int trial = 0; trial < 2000; trial++) {
      byte[] damaged = payload.clone();
      for (int hit = 0; hit < 1 + trial % 4; hit++) {
        damaged[random.nextInt(bytes)] = (byte) random.nextInt();
      }
      try {
        for (float value : codec.decode(damaged, LENGTH, SEED)) {
          assertTrue(Float.isFinite(value), "trial " + trial + ", seed " + SEED);
        }
      } catch (IllegalArgumentException expected) {
        refused.add(trial);
      }
    }
    assertTrue(refused.size() < 2000);
  }

  @Test
  void powerIterationComesNearTheBestOfItsRank() {
    for (int rank : new int[] {1, 2, 4}) {
      double[] errors = PowerSgdReference.errors(rank, 6, new Random(SEED));
      assertTrue(errors[0] <= 1.01 * errors[1], Arrays.toString(errors));
      assertTrue(errors[0] >= errors[1] * (1 - 1e-6), Arrays.toString(errors));
    }
  }

  @Test
  void planIsTheBestOfAllPlans() {
    Random random = new Random(SEED);
    for (int trial = 0; trial < 5; trial++) {
      double[][] errors = new double[6][6];
      long[][] sizes = new long[6][6];
      double budget = 0;
      for (int layer = 0; layer < 6; layer++) {
        double energy = Math.exp(3 * random.nextGaussian());
        for (int level = 0; level < 6; level++) {
          errors[layer][level] = energy * Math.pow(0.3 + 0.4 * random.nextDouble(), level);
          sizes[layer][level] = (long) (100 * Math.pow(2, level) * (1 + random.nextInt(3)));
        }
        budget += errors[layer][3];
      }
      long best = bestSize(errors, sizes, budget);
      for (int bins : new int[] {100, 1000, 10_000}) {
        int[] levels = LayerPlan.choose(errors, sizes, budget, bins);
        double error = 0;
        long size = 0;
        for (int layer = 0; layer < 6; layer++) {
          error += errors[layer][levels[layer]];
          size += sizes[layer][levels[layer]];
        }
        assertTrue(error <= budget, "budget kept, trial " + trial);
        // Each error is rounded up by less than a bin.
        long near = bestSize(errors, sizes, budget * (1 - 6.0 / bins));
        assertTrue(size >= best && size <= near, best + ", " + size + ", " + near);
      }
    }
  }

  @Test
  void planThatCannotKeepItsBudgetIsRefused() {
    double[][] errors = {{2, 1}};
    long[][] sizes = {{1, 2}};
    assertArrayEquals(new int[] {1}, LayerPlan.choose(errors, sizes, 1.5, 10));
    assertArrayEquals(new int[] {0}, LayerPlan.choose(errors, sizes, 2, 10));
    assertThrows(IllegalArgumentException.class, () -> LayerPlan.choose(errors, sizes, 0.99, 1000));
    double[][] broken = {{Double.NaN}};
    assertThrows(IllegalArgumentException.class, () -> LayerPlan.choose(broken, sizes, 1, 10));
  }

  private static long bestSize(double[][] errors, long[][] sizes, double budget) {
    long best = Long.MAX_VALUE;
    for (int plan = 0; plan < 6 * 6 * 6 * 6 * 6 * 6; plan++) {
      double error = 0;
      long size = 0;
      for (int layer = 0, rest = plan; layer < 6; layer++, rest /= 6) {
        error += errors[layer][rest % 6];
        size += sizes[layer][rest % 6];
      }
      best = error <= budget ? Math.min(best, size) : best;
    }
    return best;
  }

  /**
   * Mean over 400 seeds near the update; mean loss from {@code low} to {@code high}, or near it.
   */
  private void assertUnbiased(UpdateCodec codec, double low, double high) {
    int draws = 400;
    double[] mean = new double[LENGTH];
    double losses = 0;
    for (int draw = 0; draw < draws; draw++) {
      float[] got = through(codec, update, SeededBits.seed(SEED, draw));
      losses += loss(update, got) / draws;
      for (int i = 0; i < LENGTH; i++) {
        mean[i] += got[i] / (double) draws;
      }
    }
    double slack = low == high ? 0.1 * low : 0;
    assertTrue(losses >= low - slack && losses <= high + slack, codec + " loses " + losses);
    assertEquals(losses / draws, loss(update, Vectors.floats(mean)), 0.15 * losses / draws);
  }

  private static float[] through(UpdateCodec codec, float[] x, long seed) {
    return codec.decode(codec.encode(x, seed), x.length, seed);
  }

  /** |x - y|^2 / |x|^2. */
  private static double loss(float[] x, float[] y) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < x.length; i++) {
      difference += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
      size += (double) x[i] * x[i];
    }
    return difference / size;
  }

  /** Normal values times their size: a few are much larger than most. */
  private static float[] heavyTailed(int length, Random random) {
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      double z = random.nextGaussian();
      x[i] = (float) (z * Math.abs(z));
    }
    return x;
  }
}
