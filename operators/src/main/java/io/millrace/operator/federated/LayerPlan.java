package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * L-GreCo (Markov, Alimohammadi, Frantar, Alistarh, L-GreCo: layerwise-adaptive gradient
 * compression for efficient and accurate deep learning, 2022, arXiv 2210.17357): a compression
 * level for every layer, of the least size whose errors sum to no more than a budget, by dynamic
 * programming over errors rounded up to a grid, so that the budget holds. O(layers levels bins).
 */
final class LayerPlan {
  private static final long UNREACHABLE = Long.MAX_VALUE;

  private LayerPlan() {}

  /**
   * Chooses levels.
   *
   * @param errors [layers][levels], 0 or more, finite
   * @param sizes [layers][levels], 0 to 2^40
   * @param budget of the summed errors, above 0
   * @param bins of the error grid, 1 to 1,000,000
   * @return [layers], a level each; of equal plans the one of the lowest levels, last layers first
   * @throws IllegalArgumentException when no plan keeps the budget
   */
  static int[] choose(double[][] errors, long[][] sizes, double budget, int bins) {
    SettingCheck.range("error bins", bins, 1, 1_000_000);
    SettingCheck.range("error budget", budget, Double.MIN_NORMAL, Double.MAX_VALUE);
    long[] best = new long[bins + 1];
    byte[][] choices = new byte[errors.length][bins + 1];
    for (int layer = 0; layer < errors.length; layer++) {
      best = next(best, errors[layer], sizes[layer], budget, choices[layer]);
    }
    if (best[bins] == UNREACHABLE) {
      throw new IllegalArgumentException("no plan keeps an error budget of " + budget);
    }
    int[] levels = new int[errors.length];
    int left = bins;
    for (int layer = errors.length - 1; layer >= 0; layer--) {
      levels[layer] = choices[layer][left];
      left -= cost(errors[layer][levels[layer]], budget, bins);
    }
    return levels;
  }

  /** Least size of the layers so far for every number of bins spent, at most. */
  private static long[] next(
      long[] best, double[] errors, long[] sizes, double budget, byte[] choices) {
    SettingCheck.range("levels of a layer", errors.length, 1, Byte.MAX_VALUE);
    int bins = best.length - 1;
    long[] next = new long[bins + 1];
    Arrays.fill(next, UNREACHABLE);
    for (int level = 0; level < errors.length; level++) {
      SettingCheck.range("error of a level", errors[level], 0, Double.MAX_VALUE);
      SettingCheck.range("size of a level", sizes[level], 0, 1L << 40);
      int cost = cost(errors[level], budget, bins);
      for (int spent = cost; spent <= bins; spent++) {
        long before = best[spent - cost];
        if (before != UNREACHABLE && before + sizes[level] < next[spent]) {
          next[spent] = before + sizes[level];
          choices[spent] = (byte) level;
        }
      }
    }
    return next;
  }

  /** Bins of an error, rounded up; one more than there are when it alone breaks the budget. */
  private static int cost(double error, double budget, int bins) {
    double cost = Math.ceil(error / budget * bins);
    return cost <= bins ? (int) cost : bins + 1;
  }
}
