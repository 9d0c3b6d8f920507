package io.millrace.operator.federated;

/** The aggregate of a chunk once the weights are decided. Stateless. */
final class WeightedSum {
  private WeightedSum() {}

  /**
   * out = sum over rows of weights[row] rows[row], in double and in the order of rows; rows of
   * weight zero are not touched, so that one that was refused cannot spoil the sum.
   *
   * @param weights at most one a row
   * @param rows each read from {@code from} on
   * @param out overwritten from {@code outFrom} on
   */
  static void combine(
      double[] weights, float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int c = 0; c < length; c++) {
      out[outFrom + c] = 0;
    }
    for (int row = 0; row < weights.length; row++) {
      if (weights[row] != 0) {
        add(weights[row], rows[row], from, length, out, outFrom);
      }
    }
  }

  private static void add(
      double weight, float[] x, int from, int length, double[] out, int outFrom) {
    for (int c = 0; c < length; c++) {
      out[outFrom + c] += weight * x[from + c];
    }
  }
}
