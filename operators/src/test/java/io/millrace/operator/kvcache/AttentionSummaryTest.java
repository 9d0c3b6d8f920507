package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.kernel.GemmScratch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Sums of random features, against exact attention and against themselves cut up. */
class AttentionSummaryTest {
  private static final int D = 16;
  private static final int TOKENS = 300;

  @Test
  void errorFallsWithTheRootOfTheFeatures() {
    double few = error(64, 0.4f);
    double some = error(256, 0.4f);
    double many = error(1024, 0.4f);
    // halves each time; the mean of 60 trials is within a quarter
    assertEquals(2, few / some, 0.5, few + " " + some);
    assertEquals(2, some / many, 0.5, some + " " + many);
    assertTrue(many < 0.1, "" + many);
  }

  @Test
  void isPoorForLongKeysAsDocumented() {
    assertTrue(error(256, 2f) > 20 * error(256, 0.4f));
  }

  @Test
  void estimatesTheSumOfWeightsWithoutBias() {
    Random random = new Random(5);
    float[] key = floats(random, D, 1f);
    float[] query = floats(random, D, 0.25f);
    double exact = 0;
    for (int c = 0; c < D; c++) {
      exact += key[c] * query[c];
    }
    double mean = 0;
    int seeds = 400;
    for (int seed = 0; seed < seeds; seed++) {
      AttentionSummary summary = new AttentionSummary(64, D, seed);
      summary.add(key, 0, D, key, 0, D, 1);
      AttentionPartial partial = new AttentionPartial(D);
      summary.accumulate(query, 0, partial);
      mean += Math.scalb(partial.sum(), partial.exponent()) / seeds;
    }
    assertEquals(1, mean / Math.exp(exact), 0.05);
  }

  @Test
  void aStreamCutAnyWayGivesTheSameBits() {
    for (float size : new float[] {0.3f, 3f, 60f}) {
      float[] keys = floats(new Random(1), TOKENS * D, size);
      float[] values = floats(new Random(2), TOKENS * D, 1f);
      AttentionSummary whole = new AttentionSummary(48, D, 9);
      whole.add(keys, 0, D, values, 0, D, TOKENS);
      Random random = new Random(3);
      for (int trial = 0; trial < 5; trial++) {
        AttentionSummary cut = new AttentionSummary(48, D, 9);
        for (int from = 0; from < TOKENS; ) {
          int count = Math.min(TOKENS - from, 1 + random.nextInt(trial == 0 ? 1 : 90));
          cut.add(keys, from * D, D, values, from * D, D, count);
          from += count;
        }
        assertEquals(TOKENS, cut.tokens());
        assertEquals(whole.exponent(), cut.exponent());
        assertArrayEquals(whole.normalizer(), cut.normalizer(), "size " + size);
        assertArrayEquals(whole.weighted(), cut.weighted(), "size " + size);
      }
    }
  }

  @Test
  void mergedPartsOfASplitStreamEqualTheWhole() {
    float[] keys = floats(new Random(1), TOKENS * D, 2f);
    float[] values = floats(new Random(2), TOKENS * D, 1f);
    RandomFeatures features = new RandomFeatures(40, D, 4);
    AttentionSummary whole = new AttentionSummary(features);
    whole.add(keys, 0, D, values, 0, D, TOKENS);
    AttentionSummary[] parts = new AttentionSummary[3];
    for (int part = 0; part < 3; part++) {
      parts[part] = new AttentionSummary(features);
      for (int t = part; t < TOKENS; t += 3) {
        parts[part].add(keys, t * D, D, values, t * D, D, 1);
      }
    }
    for (int[] order : new int[][] {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}}) {
      AttentionSummary merged = new AttentionSummary(40, D, 4);
      for (int part : order) {
        merged.merge(parts[part]);
      }
      assertEquals(whole.exponent(), merged.exponent());
      assertEquals(TOKENS, merged.tokens());
      assertClose(whole.normalizer(), merged.normalizer());
      assertClose(whole.weighted(), merged.weighted());
    }
  }

  @Test
  void withAllTokensInTheSparsePartTheResultIsExact() {
    float[] keys = floats(new Random(1), TOKENS * D, 1.5f);
    float[] values = floats(new Random(2), TOKENS * D, 1f);
    RandomFeatures features = new RandomFeatures(64, D, 4);
    AttentionSummary summary = new AttentionSummary(features);
    summary.add(keys, 0, D, values, 0, D, TOKENS);
    float[] query = floats(new Random(6), D, 0.5f);
    float[] exact = attention(keys, values, query, null);
    float[] estimate = attention(new float[0], new float[0], query, summary);

    // more and more tokens move from the estimate to exact pairs
    double before = distance(exact, estimate);
    for (int sparse : new int[] {TOKENS / 2, TOKENS - 1, TOKENS}) {
      AttentionSummary taken = new AttentionSummary(features);
      taken.add(keys, 0, D, values, 0, D, sparse);
      AttentionSummary rest = copy(summary);
      rest.subtract(taken);
      float[] both =
          attention(
              Arrays.copyOf(keys, sparse * D), Arrays.copyOf(values, sparse * D), query, rest);
      double error = distance(exact, both);
      assertTrue(error < before, sparse + " tokens: " + error + " after " + before);
      before = error;
    }
    assertEquals(0, before);
  }

  @Test
  void directionsAreOrthogonalInBlocksWithNormalLengths() {
    RandomFeatures features = new RandomFeatures(2 * D + 5, D, 123);
    // queries along an axis show the directions: log feature + |q|^2 / 2 = w'q
    float[] axes = new float[D * D];
    for (int i = 0; i < D; i++) {
      axes[i * D + i] = (float) (1 / Math.sqrt(Math.sqrt(D)));
    }
    int m = features.features();
    float[] out = new float[D * m];
    features.ofQueries(axes, D, new float[D * D], out, new GemmScratch());
    double meanSquare = 0;
    for (int a = 0; a < m; a++) {
      for (int b = 0; b < m; b++) {
        double product = 0;
        for (int i = 0; i < D; i++) {
          product += (out[i * m + a] + 0.5) * (out[i * m + b] + 0.5);
        }
        if (a == b) {
          meanSquare += product / m / D;
        } else if (a / D == b / D) {
          assertEquals(0, product, 1e-4);
        }
      }
    }
    assertEquals(1, meanSquare, 0.25);
  }

  @Test
  void normalNumbersHaveNormalMoments() {
    double mean = 0;
    double square = 0;
    double fourth = 0;
    double neighbours = 0;
    int n = 200_000;
    for (int i = 0; i < n; i++) {
      double x = NormalNumbers.at(42, i);
      mean += x / n;
      square += x * x / n;
      fourth += x * x * x * x / n;
      neighbours += x * NormalNumbers.at(42, i + 1) / n;
    }
    // six standard errors
    assertEquals(0, mean, 0.014);
    assertEquals(1, square, 0.02);
    assertEquals(3, fourth, 0.14);
    assertEquals(0, neighbours, 0.014);
  }

  @Test
  void comesBackFromItsBytesAndRefusesDamagedOnes() {
    AttentionSummary summary = new AttentionSummary(8, D, 1);
    float[] tokens = floats(new Random(1), 5 * D, 1f);
    summary.add(tokens, 0, D, tokens, 0, D, 5);
    AttentionSummary read = copy(summary);
    assertArrayEquals(summary.normalizer(), read.normalizer());
    assertArrayEquals(summary.weighted(), read.weighted());
    RandomFeatures features = summary.features();
    ByteBuffer normalizer = ByteBuffer.wrap(summary.normalizer());
    ByteBuffer weighted = ByteBuffer.wrap(summary.weighted());
    ByteBuffer cut = ByteBuffer.wrap(summary.weighted(), 0, 8 * D * 4 - 1);
    byte[] nan = summary.normalizer();
    Arrays.fill(nan, 0, 4, (byte) 0xff);
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionSummary.decode(features, 0, 5, normalizer, cut));
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionSummary.decode(features, 0, 5, ByteBuffer.wrap(nan), weighted));
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionSummary.decode(features, Integer.MAX_VALUE, 5, normalizer, weighted));
    assertThrows(
        IllegalArgumentException.class,
        () -> AttentionSummary.decode(features, 0, -1, normalizer, weighted));
  }

  @Test
  void staysFiniteWhateverFiniteTokensCome() {
    AttentionSummary summary = new AttentionSummary(8, D, 1);
    float[] keys = floats(new Random(1), 4 * D, 1f);
    float[] values = floats(new Random(2), 4 * D, 1f);
    keys[D] = Float.MAX_VALUE;
    keys[2 * D] = -65_504f;
    values[3 * D] = -Float.MAX_VALUE;
    summary.add(keys, 0, D, values, 0, D, 4);
    AttentionPartial partial = new AttentionPartial(D);
    summary.accumulate(values, 0, partial);
    float[] out = new float[D];
    partial.finish(out, 0);
    for (float x : out) {
      assertTrue(Float.isFinite(x));
    }
    byte[] before = summary.normalizer();
    keys[0] = Float.NaN;
    assertThrows(IllegalArgumentException.class, () -> summary.add(values, 0, D, keys, 0, D, 1));
    assertArrayEquals(before, summary.normalizer());
  }

  @Test
  void refusesToMixDirectionsOrToTakeOutWhatWasNeverIn() {
    AttentionSummary summary = new AttentionSummary(8, D, 1);
    assertThrows(
        IllegalArgumentException.class, () -> summary.merge(new AttentionSummary(8, D, 2)));
    assertThrows(
        IllegalArgumentException.class, () -> summary.merge(new AttentionSummary(9, D, 1)));
    AttentionSummary one = new AttentionSummary(8, D, 1);
    one.add(new float[D], 0, D, new float[D], 0, D, 1);
    assertThrows(IllegalArgumentException.class, () -> summary.subtract(one));
    assertThrows(IllegalArgumentException.class, () -> new RandomFeatures(0, D, 1));
    assertThrows(IllegalArgumentException.class, () -> new RandomFeatures(1, 1 << 20, 1));
  }

  /** Root mean square error of attention over 60 seeds. */
  private static double error(int features, float keySize) {
    double squares = 0;
    int trials = 60;
    for (int trial = 0; trial < trials; trial++) {
      Random random = new Random(trial);
      float[] keys = floats(random, TOKENS * D, keySize);
      float[] values = floats(random, TOKENS * D, 1f);
      float[] query = floats(random, D, 0.1f);
      // values that follow keys give the attention something to say
      for (int i = 0; i < values.length; i++) {
        values[i] = 0.5f * values[i] + keys[i];
      }
      AttentionSummary summary = new AttentionSummary(features, D, trial);
      summary.add(keys, 0, D, values, 0, D, TOKENS);
      float[] exact = attention(keys, values, query, null);
      float[] estimate = attention(new float[0], new float[0], query, summary);
      squares += Math.pow(distance(exact, estimate), 2) / trials;
    }
    return Math.sqrt(squares);
  }

  private static float[] attention(
      float[] keys, float[] values, float[] query, AttentionSummary summary) {
    int tokens = keys.length / D;
    float[] scores = new float[tokens];
    for (int t = 0; t < tokens; t++) {
      double score = 0;
      for (int c = 0; c < D; c++) {
        score += (double) keys[t * D + c] * query[c];
      }
      scores[t] = (float) score;
    }
    AttentionPartial partial = new AttentionPartial(D);
    partial.add(scores, 0, tokens, values, 0, D);
    if (summary != null) {
      summary.accumulate(query, 0, partial);
    }
    float[] out = new float[D];
    partial.finish(out, 0);
    return out;
  }

  private static AttentionSummary copy(AttentionSummary summary) {
    return AttentionSummary.decode(
        summary.features(),
        summary.exponent(),
        summary.tokens(),
        ByteBuffer.wrap(summary.normalizer()),
        ByteBuffer.wrap(summary.weighted()));
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.pow((double) a[i] - b[i], 2);
    }
    return Math.sqrt(sum / a.length);
  }

  private static void assertClose(byte[] expected, byte[] got) {
    ByteBuffer a = ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer b = ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
    while (a.hasRemaining()) {
      float x = a.getFloat();
      assertEquals(x, b.getFloat(), 1e-5 * Math.abs(x) + 1e-5);
    }
  }

  private static float[] floats(Random random, int length, float size) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = size * (float) random.nextGaussian();
    }
    return values;
  }
}
