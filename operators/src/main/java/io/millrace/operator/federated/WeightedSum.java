package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/** The aggregate of a chunk once the weights are decided. Stateless. */
final class WeightedSum {
  /** Coordinates whose sums stay in the first-level cache while the rows go by. */
  private static final int BLOCK = 2048;

  private WeightedSum() {}

  /**
   * out = sum over rows of weights[row] rows[row], in double, each coordinate one chain of fused
   * multiplications and additions in the order of rows; rows of weight zero are not touched, so
   * that one that was refused cannot spoil the sum.
   *
   * @param weights at most one a row
   * @param rows each read from {@code from} on
   * @param out overwritten from {@code outFrom} on
   */
  static void combine(
      double[] weights, float[][] rows, int from, int length, double[] out, int outFrom) {
    int[] members = new int[weights.length];
    double[] kept = new double[weights.length];
    int count = 0;
    for (int row = 0; row < weights.length; row++) {
      if (weights[row] != 0) {
        members[count] = row;
        kept[count++] = weights[row];
      }
    }
    Arrays.fill(out, outFrom, outFrom + length, 0);
    for (int block = 0; block < length; block += BLOCK) {
      int columns = Math.min(BLOCK, length - block);
      int at = outFrom + block;
      Kernels.addWeighted(rows, members, count, kept, from + block, columns, out, at);
    }
  }
}
