package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResidualQuantileTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 16, 100})
  void agreesWithSortingTheNewestValues(int history) {
    for (long seed = 1; seed <= 3; seed++) {
      Random random = new Random(seed);
      ResidualQuantile quantile = new ResidualQuantile(history);
      Deque<Float> newest = new ArrayDeque<>();
      for (int i = 0; i < 5 * history + 20; i++) {
        // few different values, so that equal ones leave and stay
        float value =
            random.nextBoolean() ? random.nextInt(4) : (float) Math.exp(random.nextGaussian());
        quantile.add(value);
        newest.add(value);
        if (newest.size() > history) {
          newest.remove();
        }
        assertEquals(newest.size(), quantile.size());
        for (double share : new double[] {0.5, 0.75, 0.9, 0.99, 1}) {
          String place = "share " + share + " after " + i + " of seed " + seed;
          assertEquals(reference(newest, share), quantile.quantile(share), place);
        }
      }
    }
  }

  /** The smallest value that at least a share of the values does not exceed. */
  private static float reference(Deque<Float> values, double share) {
    for (float candidate : values.stream().sorted().toList()) {
      long below = values.stream().filter(value -> value <= candidate).count();
      if (below >= share * values.size()) {
        return candidate;
      }
    }
    throw new AssertionError("no value");
  }
}
