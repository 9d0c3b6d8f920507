package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FixedPointSumTest {
  private static final long SEED = 5;
  private static final int CLIENTS = 64;
  private static final int LENGTH = 5_000;
  private static final float LARGEST = 4f;

  private final Random random = new Random(SEED);
  private final float[][] updates = new float[CLIENTS][LENGTH];
  private final int[] weights = new int[CLIENTS];

  FixedPointSumTest() {
    for (int client = 0; client < CLIENTS; client++) {
      weights[client] = 1 + random.nextInt(1000);
      for (int i = 0; i < LENGTH; i++) {
        float wide = Math.scalb((float) random.nextGaussian(), random.nextInt(40) - 39);
        updates[client][i] = Math.max(-LARGEST, Math.min(LARGEST, wide));
      }
    }
  }

  @Test
  void twelveArrivalOrdersGiveTheSameBits() {
    FixedPointSum first = sum(order());
    double[] mean = mean(first);
    int differentFloatSums = 0;
    for (int trial = 0; trial < 12; trial++) {
      List<Integer> shuffled = order();
      Collections.shuffle(shuffled, random);
      FixedPointSum again = sum(shuffled);
      assertTrue(again.sameBits(first), "order " + shuffled);
      assertTrue(Arrays.equals(mean, mean(again)));
      differentFloatSums += Arrays.equals(floatSum(order()), floatSum(shuffled)) ? 0 : 1;
    }
    assertEquals(12, differentFloatSums, "float sums must differ or this test shows nothing");
  }

  @Test
  void updatesAddedTogetherGiveTheSameBits() {
    FixedPointSum together = new FixedPointSum(LENGTH, sum(order()).scale());
    together.addAll(updates, 0, weights);
    assertTrue(together.sameBits(sum(order())));
  }

  @Test
  void batchesOfUpdatesGiveTheSameBitsHoweverManyAreLeftForTheLast() {
    for (int clients : new int[] {1, 15, 16, 17, 33, 64}) {
      FixedPointSum oneByOne = new FixedPointSum(LENGTH, sum(order()).scale());
      FixedPointSum batched = new FixedPointSum(LENGTH, oneByOne.scale());
      RowBatch batch = new RowBatch(batched);
      for (int client = 0; client < clients; client++) {
        oneByOne.add(updates[client], 0, weights[client]);
        batch.add(updates[client], weights[client]);
      }
      batch.flush();
      assertTrue(batched.sameBits(oneByOne), clients + " clients");
    }
  }

  @Test
  void aBadValueAmongUpdatesAddedTogetherLeavesNoTrace() {
    for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1e30f}) {
      FixedPointSum sum = new FixedPointSum(LENGTH, sum(order()).scale());
      FixedPointSum before = new FixedPointSum(LENGTH, sum.scale());
      sum.add(updates[3], 0, weights[3]);
      before.add(updates[3], 0, weights[3]);
      float[][] rows = {updates[0].clone(), updates[1], updates[2].clone()};
      rows[2][LENGTH - 1] = bad;
      int[] three = {weights[0], weights[1], weights[2]};
      assertThrows(IllegalArgumentException.class, () -> sum.addAll(rows, 0, three));
      assertTrue(sum.sameBits(before), "after " + bad);
    }
  }

  @Test
  void anySplitAndMergeGivesTheSameBits() {
    FixedPointSum whole = sum(order());
    for (int parts : new int[] {2, 3, 7, 16}) {
      List<Integer> shuffled = order();
      Collections.shuffle(shuffled, random);
      List<FixedPointSum> sums = new ArrayList<>();
      for (int part = 0; part < parts; part++) {
        int from = part * CLIENTS / parts;
        sums.add(sum(shuffled.subList(from, (part + 1) * CLIENTS / parts)));
      }
      while (sums.size() > 1) {
        Collections.shuffle(sums, random);
        sums.get(0).merge(sums.remove(1));
      }
      assertTrue(sums.get(0).sameBits(whole), parts + " parts");
    }
  }

  @Test
  void clientTakenBackLeavesNoTrace() {
    FixedPointSum without = sum(order().subList(0, 60));
    FixedPointSum sum = sum(order());
    for (int client : new int[] {63, 60, 62, 61}) {
      sum.subtract(updates[client], 0, weights[client]);
    }
    assertTrue(sum.sameBits(without));
  }

  @Test
  void meanIsWithinHalfAUnitAClientOfTheExactOne() {
    FixedPointSum sum = sum(order());
    double[] mean = mean(sum);
    double bound = CLIENTS * 0.5 * sum.scale().unit() / sum.weight();
    for (int i = 0; i < LENGTH; i += 97) {
      BigDecimal exact = BigDecimal.ZERO;
      for (int client = 0; client < CLIENTS; client++) {
        BigDecimal term = new BigDecimal(updates[client][i]);
        exact = exact.add(term.multiply(BigDecimal.valueOf(weights[client])));
      }
      exact = exact.divide(BigDecimal.valueOf(sum.weight()), MathContext.DECIMAL128);
      double rounding = 2 * Math.ulp(mean[i]);
      assertEquals(exact.doubleValue(), mean[i], bound + rounding, "coordinate " + i);
    }
  }

  @Test
  void valuesOutOfRangeAreRefusedAndNothingIsAdded() {
    FixedPointSum sum = sum(order());
    FixedPointSum before = sum(order());
    sum.subtract(updates[9], 0, weights[9]);
    before.subtract(updates[9], 0, weights[9]);
    float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, -1e30f, Math.nextUp(LARGEST)};
    for (float value : bad) {
      for (int place : new int[] {0, LENGTH - 1}) {
        float[] update = updates[9].clone();
        update[place] = value;
        assertThrows(IllegalArgumentException.class, () -> sum.add(update, 0, 1), "" + value);
        assertThrows(IllegalArgumentException.class, () -> sum.subtract(update, 0, 1));
      }
    }
    assertThrows(IllegalArgumentException.class, () -> sum.add(updates[9], 0, 0));
    assertThrows(IllegalArgumentException.class, () -> sum.add(updates[9], 0, 1001));
    assertTrue(sum.sameBits(before));
    float[] largest = updates[9].clone();
    largest[0] = -LARGEST;
    sum.add(largest, 0, 1);
  }

  @Test
  void sumOfAllWeightsAtTheLargestValueDoesNotWrap() {
    for (long total : new long[] {1, 3, 2048, 1L << 40}) {
      int weight = (int) Math.min(total, 1 << 28);
      for (float largest : new float[] {1f, 0x1.fffffep0f, 3.3e38f, 1e-40f}) {
        FixedPointScale scale = FixedPointScale.finest(largest, weight, total);
        FixedPointSum sum = new FixedPointSum(2, scale);
        float[] extremes = {largest, -largest};
        for (long added = 0; added + weight <= total; added += weight) {
          sum.add(extremes, 0, weight);
        }
        double expected = (double) largest * sum.weight();
        assertEquals(expected, sum.total(0), expected * 1e-9, scale.toString());
        assertEquals(-expected, sum.total(1), expected * 1e-9, scale.toString());
      }
    }
  }

  @Test
  void weightBeyondTheRoundsTotalIsRefused() {
    FixedPointSum sum = new FixedPointSum(1, FixedPointScale.finest(1f, 10, 15));
    FixedPointSum other = new FixedPointSum(1, FixedPointScale.finest(1f, 10, 15));
    float[] one = {1f};
    sum.add(one, 0, 10);
    other.add(one, 0, 6);
    assertThrows(IllegalArgumentException.class, () -> sum.add(one, 0, 6));
    assertThrows(IllegalArgumentException.class, () -> sum.merge(other));
    assertThrows(IllegalArgumentException.class, () -> other.subtract(one, 0, 7));
    assertEquals(10, sum.weight());
    other.subtract(one, 0, 1);
    sum.merge(other);
    assertEquals(1, sum.total(0) / 15, 1e-12);
    FixedPointSum finer = new FixedPointSum(1, FixedPointScale.finest(0.5f, 10, 15));
    assertThrows(IllegalArgumentException.class, () -> sum.merge(finer));
  }

  @Test
  void impossibleScalesAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> FixedPointScale.finest(0f, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> FixedPointScale.finest(Float.NaN, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> FixedPointScale.finest(1f, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> FixedPointScale.finest(1f, 2, 1));
    assertThrows(IllegalArgumentException.class, () -> FixedPointScale.finest(1f, 1, 1L << 52));
    assertThrows(
        IllegalArgumentException.class, () -> FixedPointScale.finest(1f, (1 << 28) + 1, 1L << 40));
    FixedPointScale finest = FixedPointScale.finest(1f, 1, 1);
    assertThrows(
        IllegalArgumentException.class, () -> new FixedPointScale(finest.bits() + 1, 1f, 1, 1));
  }

  @Test
  void memoryEqualsTheSumOfItsPartsUntilAnIncrementIsLost() {
    FixedPointMemory server = new FixedPointMemory(LENGTH, 40);
    FixedPointMemory[] clients = new FixedPointMemory[8];
    Arrays.setAll(clients, client -> new FixedPointMemory(LENGTH, 40));
    for (int step = 0; step < CLIENTS; step++) {
      server.add(updates[step]);
      clients[random.nextInt(8)].add(updates[step]);
    }
    FixedPointMemory audit = new FixedPointMemory(LENGTH, 40);
    for (FixedPointMemory client : clients) {
      audit.merge(client);
    }
    assertTrue(audit.sameBits(server));
    server.add(updates[3]);
    assertFalse(audit.sameBits(server));
  }

  @Test
  void memoryRefusesWhatItCannotHoldAndStaysAsItWas() {
    FixedPointMemory memory = new FixedPointMemory(2, 50);
    FixedPointMemory before = new FixedPointMemory(2, 50);
    for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 2f}) {
      assertThrows(IllegalArgumentException.class, () -> memory.add(new float[] {1, value}));
    }
    assertTrue(memory.sameBits(before));
    float[] step = {0.5f, Math.nextDown(2f)};
    assertThrows(
        IllegalArgumentException.class,
        () -> {
          for (int i = 0; i < 3000; i++) {
            memory.add(step);
            before.add(new float[] {0.5f, 0f});
          }
        });
    assertEquals(before.value(0), memory.value(0));
    assertTrue(memory.value(1) <= 4096);
  }

  private FixedPointSum sum(List<Integer> clients) {
    FixedPointSum sum =
        new FixedPointSum(LENGTH, FixedPointScale.finest(LARGEST, 1000, CLIENTS * 1000L));
    for (int client : clients) {
      sum.add(updates[client], 0, weights[client]);
    }
    return sum;
  }

  private static double[] mean(FixedPointSum sum) {
    double[] mean = new double[LENGTH];
    sum.mean(mean);
    return mean;
  }

  private float[] floatSum(List<Integer> clients) {
    float[] sum = new float[LENGTH];
    for (int client : clients) {
      for (int i = 0; i < LENGTH; i++) {
        sum[i] += weights[client] * updates[client][i];
      }
    }
    return sum;
  }

  private static List<Integer> order() {
    List<Integer> order = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      order.add(client);
    }
    return order;
  }
}
