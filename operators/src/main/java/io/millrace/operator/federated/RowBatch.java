package io.millrace.operator.federated;

import java.util.Arrays;

/**
 * Updates on their way into a sum, which reads a few of them together at half the price: {@link
 * FixedPointSum#addAll}. The sum is whole after {@link #flush}. One thread.
 */
final class RowBatch {
  /** The kernel reads four rows at a time; more keep the sum's coordinates in the cache. */
  private static final int MOST = 16;

  private final FixedPointSum sum;
  private final float[][] rows = new float[MOST][];
  private final int[] weights = new int[MOST];
  private int count;

  RowBatch(FixedPointSum sum) {
    this.sum = sum;
  }

  /**
   * Adds an update, now or with those that follow.
   *
   * @param values kept until then, not modified
   * @throws IllegalArgumentException as {@link FixedPointSum#add}, for this or an earlier update
   */
  void add(float[] values, int weight) {
    rows[count] = values;
    weights[count++] = weight;
    if (count == MOST) {
      flush();
    }
  }

  /**
   * Adds what is left.
   *
   * @throws IllegalArgumentException as {@link #add}
   */
  void flush() {
    if (count > 0) {
      sum.addAll(rows, 0, Arrays.copyOf(weights, count));
      Arrays.fill(rows, null);
      count = 0;
    }
  }
}
