package io.millrace.kernel;

/**
 * What a twin implements for many arrays side by side, one row a client. The meaning of every
 * method, down to the bits, is written at the method of the same name in {@link Kernels}.
 */
interface ColumnKernels {
  /** Columns whose partial Gram sums are folded at once. Part of the definition of the bits. */
  int GRAM_BLOCK = 512;

  /** Partial sums of a Gram entry. Part of the definition of the bits. */
  int GRAM_PARTIALS = 8;

  /** 1.5 x 2^52: added to a number below 2^51, it leaves the nearest integer in the low bits. */
  double ROUNDING = 0x1.8p52;

  void addFixed(float[] x, int from, double factor, long[] sum, int sumFrom, int length);

  float addFixed(
      float[][] rows, int count, int from, double[] factors, long[] sum, int sumFrom, int length);

  void addWeighted(
      float[][] rows,
      int[] members,
      int count,
      double[] weights,
      int from,
      int length,
      double[] out,
      int outFrom);

  void means(RowMeans means, float[][] rows, int from, int length, float[][] out, int outFrom);

  void rank(RankNetwork network, float[][] rows, int from, int length, float[] out);

  void rankMean(
      RankNetwork network, float[][] rows, int from, int length, double[] out, int outFrom);

  void sumRows(float[][] rows, int[] members, int from, int length, double[] out);

  /** On and above the diagonal. */
  void gramUpper(float[][] rows, int count, int from, int length, double[] gram);
}
