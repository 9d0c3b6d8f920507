package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sums of attention over pages, against softmax in three passes over all tokens in double. */
class AttentionPartialTest {
  private static final int D = 16;

  @ParameterizedTest
  @ValueSource(floats = {0.1f, 3f, 100f, 10_000f})
  void agreesWithThreePassesInAnyOrderAndGrouping(float size) {
    Random random = new Random(7);
    int tokens = 1_000;
    float[] scores = new float[tokens];
    float[] values = new float[tokens * D];
    for (int t = 0; t < tokens; t++) {
      scores[t] = (2 * random.nextFloat() - 1) * size;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    double[] expected = threePasses(scores, values, tokens);

    for (int trial = 0; trial < 50; trial++) {
      List<AttentionPartial> parts = new ArrayList<>();
      for (int from = 0; from < tokens; ) {
        int count = Math.min(tokens - from, 1 + random.nextInt(trial % 2 == 0 ? 5 : 300));
        AttentionPartial part = new AttentionPartial(D);
        part.add(scores, from, count, values, from * D, D);
        parts.add(part);
        if (random.nextInt(10) == 0) {
          parts.add(new AttentionPartial(D));
        }
        from += count;
      }
      Collections.shuffle(parts, random);
      while (parts.size() > 1) {
        AttentionPartial into = parts.get(random.nextInt(parts.size() - 1));
        into.merge(parts.remove(parts.size() - 1));
      }
      float[] got = new float[D];
      parts.get(0).finish(got, 0);
      for (int c = 0; c < D; c++) {
        assertEquals(expected[c], got[c], 1e-6, "size " + size + ", trial " + trial);
      }
    }
  }

  @Test
  void addsPagesAsTheirRestoredTokens() {
    Random random = new Random(3);
    PageShape shape = new PageShape(32, 2, D);
    float[] keys = floats(random, shape.values());
    float[] values = floats(random, shape.values());
    Page keyPage = new ExactPage(shape, keys);
    Page valuePage = new ExactPage(shape, values);
    float[] query = floats(random, D + 3);

    AttentionPartial partial = new AttentionPartial(D);
    partial.add(keyPage, valuePage, 1, query, 3);

    float[] scores = new float[32];
    float[] headValues = new float[32 * D];
    for (int t = 0; t < 32; t++) {
      double score = 0;
      for (int c = 0; c < D; c++) {
        score += (double) query[3 + c] * keys[(t * 2 + 1) * D + c];
        headValues[t * D + c] = values[(t * 2 + 1) * D + c];
      }
      scores[t] = (float) score;
    }
    double[] expected = threePasses(scores, headValues, 32);
    float[] got = new float[D + 1];
    partial.finish(got, 1);
    for (int c = 0; c < D; c++) {
      assertEquals(expected[c], got[1 + c], 2e-6);
    }
  }

  @Test
  void emptyIsNeutralOnBothSides() {
    AttentionPartial some = new AttentionPartial(2);
    some.add(new float[] {-9000f}, 0, 1, new float[] {3f, -4f}, 0, 2);
    AttentionPartial empty = new AttentionPartial(2);
    int exponent = some.exponent();
    double sum = some.sum();

    some.merge(empty);
    assertEquals(exponent, some.exponent());
    assertEquals(sum, some.sum());
    empty.merge(some);
    assertEquals(exponent, empty.exponent());
    assertEquals(sum, empty.sum());
    assertEquals(some.weighted(1), empty.weighted(1));
    assertThrows(
        IllegalStateException.class, () -> new AttentionPartial(2).finish(new float[2], 0));
  }

  @Test
  void tokensFarBelowTheLargestScoreAddNothingAndTheLargestStays() {
    AttentionPartial partial = new AttentionPartial(1);
    partial.add(new float[] {10_000f}, 0, 1, new float[] {1f}, 0, 1);
    AttentionPartial low = new AttentionPartial(1);
    low.add(new float[] {-10_000f}, 0, 1, new float[] {5f}, 0, 1);
    low.merge(partial);
    partial.add(new float[] {-10_000f}, 0, 1, new float[] {5f}, 0, 1);
    float[] got = new float[2];
    partial.finish(got, 0);
    low.finish(got, 1);
    assertArrayEquals(new float[] {1f, 1f}, got);
  }

  @Test
  void refusesBrokenNumbersAndStaysAsItWas() {
    AttentionPartial partial = new AttentionPartial(1);
    partial.add(new float[] {0.5f}, 0, 1, new float[] {2f}, 0, 1);
    double sum = partial.sum();
    for (float score : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 65_537f, -1e30f}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> partial.add(new float[] {0f, score}, 0, 2, new float[2], 0, 1));
    }
    float[] huge = {Float.MAX_VALUE, Float.MAX_VALUE};
    assertThrows(IllegalArgumentException.class, () -> partial.add(new float[2], 0, 2, huge, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> partial.add(0, Double.NaN, new double[1]));
    assertThrows(IllegalArgumentException.class, () -> partial.add(0, 1, new double[2]));
    assertThrows(IllegalArgumentException.class, () -> partial.add(1 << 21, 1, new double[1]));
    assertEquals(sum, partial.sum());
    assertEquals(2 * sum, partial.weighted(0));
  }

  @Test
  void givesTheSameBitsAgain() {
    Random random = new Random(11);
    float[] scores = floats(random, 500);
    float[] values = floats(random, 500 * D);
    AttentionPartial first = new AttentionPartial(D);
    AttentionPartial second = new AttentionPartial(D);
    second.add(scores, 100, 50, values, 0, D);
    second.clear();
    assertTrue(second.isEmpty());
    for (AttentionPartial partial : Arrays.asList(first, second)) {
      partial.add(scores, 0, 200, values, 0, D);
      partial.add(scores, 200, 300, values, 200 * D, D);
    }
    assertEquals(first.sum(), second.sum());
    for (int c = 0; c < D; c++) {
      assertEquals(first.weighted(c), second.weighted(c));
    }
  }

  private static double[] threePasses(float[] scores, float[] values, int tokens) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int t = 0; t < tokens; t++) {
      largest = Math.max(largest, scores[t]);
    }
    double sum = 0;
    for (int t = 0; t < tokens; t++) {
      sum += Math.exp(scores[t] - largest);
    }
    double[] out = new double[D];
    for (int t = 0; t < tokens; t++) {
      for (int c = 0; c < D; c++) {
        out[c] += Math.exp(scores[t] - largest) / sum * values[t * D + c];
      }
    }
    return out;
  }

  private static float[] floats(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
