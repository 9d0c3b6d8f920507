package io.millrace.kernel;

/**
 * What a twin implements. The meaning of every method, down to the bits, is written at the method
 * of the same name in {@link Kernels}.
 */
interface VectorKernels {
  /** "scalar", "simd-256" and so on. */
  String name();

  float dot(float[] a, int aFrom, float[] b, int bFrom, int length);

  void axpy(float alpha, float[] x, int xFrom, float[] y, int yFrom, int length);

  void scale(float alpha, float[] x, int from, int length);

  void gemv(float[] a, int aFrom, float[] x, int xFrom, float[] y, int yFrom, int m, int n);

  void gemmAdd(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      GemmScratch scratch);

  /**
   * On and above the diagonal of C [m x m] as gemmAdd of A [m x k] and A' [k x m]; below it, as
   * that or unchanged.
   */
  void gramAddUpper(
      float[] a,
      int aFrom,
      float[] transposed,
      int transposedFrom,
      float[] c,
      int cFrom,
      int m,
      int k,
      GemmScratch scratch);

  int argmaxAbs(float[] x, int from, int length);

  float maxAbs(float[] x, int from, int length);

  void subtractRows(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      float[] out,
      int outFrom);

  /** The twin's kernels for packed codes. */
  CodeKernels codes();

  /** The twin's kernels for 16-bit floats. */
  HalfKernels halves();

  /** The twin's kernels for code books. */
  LevelKernels levels();
}
