package io.millrace.kernel;

import java.util.Arrays;

/**
 * Float kernels with defined bits. A scalar and a SIMD twin stand behind this class; one is chosen
 * when it is loaded and both give the same bits for finite input on every machine, lane width, JDK
 * and JIT state:
 *
 * <ul>
 *   <li>every output of {@link #axpy}, {@link #gemv}, {@link #gemm} and {@link #subtractRows} is
 *       one chain {@code acc = fma(a, b, acc)} in rising index order, so that blocking and lane
 *       width cannot show;
 *   <li>a true reduction ({@link #dot}) adds element i to partial i mod 64 by fma, pads the last 64
 *       with zeros, and folds (p[l] + p[l+16]) + (p[l+32] + p[l+48]), then by halves 8, 4, 2, 1;
 *   <li>maxima are taken over the bits of |x| as an int, a total order.
 * </ul>
 *
 * <p>Settings, read once: system property {@code millrace.kernels} = auto (default), scalar or
 * simd; {@code millrace.kernels.bits} = 128, 256 or 512 forces the lane width. SIMD needs {@code
 * --add-modules jdk.incubator.vector}; where it cannot be had, even when asked for, the scalar twin
 * serves and {@link #reason} says why.
 *
 * <p>Stateless: any number of threads. Matrices are row-major. Arguments are not checked beyond the
 * bounds of the arrays: an {@link IndexOutOfBoundsException} may leave outputs partly written.
 * Output ranges must not overlap input ranges unless a method says otherwise.
 */
public final class Kernels {
  private static final KernelSelection SELECTION = KernelSelection.choose();
  // A static final of its own: C2 then knows the receiver and inlines through the interface.
  private static final VectorKernels KERNELS = SELECTION.kernels();
  private static final CodeKernels CODES = KERNELS.codes();
  private static final HalfKernels HALVES = KERNELS.halves();
  private static final LevelKernels LEVELS = KERNELS.levels();

  private Kernels() {}

  /** The twin's kernels for {@link CodeBook}. */
  static LevelKernels levels() {
    return LEVELS;
  }

  /** The twin's kernels for {@link Halves}. */
  static HalfKernels halves() {
    return HALVES;
  }

  /** The twin's kernels for {@link ColumnCodes}. */
  static CodeKernels codes() {
    return CODES;
  }

  /** The twin in use: "scalar", "simd-128", "simd-256" or "simd-512". */
  public static String provider() {
    return KERNELS.name();
  }

  /** Why that twin, for one line in the log. */
  public static String reason() {
    return SELECTION.reason();
  }

  /**
   * Inner product in the canonical order of 64 partials. Lengths that are no multiple of 64 cost
   * some tens of nanoseconds more.
   *
   * @param length at least 0; 0 gives 0
   */
  public static float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    return KERNELS.dot(a, aFrom, b, bFrom, length);
  }

  /** y[i] = fma(alpha, x[i], y[i]). x and y may be the same range. */
  public static void axpy(float alpha, float[] x, int xFrom, float[] y, int yFrom, int length) {
    KERNELS.axpy(alpha, x, xFrom, y, yFrom, length);
  }

  /** x[i] = alpha x[i]. */
  public static void scale(float alpha, float[] x, int from, int length) {
    KERNELS.scale(alpha, x, from, length);
  }

  /**
   * y = A'x: y[j] = sum over i of x[i] A[i][j], one fma chain from 0 in rising i. The same bits as
   * a {@link #gemm} of one row. 2mn flops.
   *
   * @param a [m x n]
   * @param x [m]
   * @param y [n], overwritten
   */
  public static void gemv(
      float[] a, int aFrom, float[] x, int xFrom, float[] y, int yFrom, int m, int n) {
    KERNELS.gemv(a, aFrom, x, xFrom, y, yFrom, m, n);
  }

  /**
   * C = A B, each output one fma chain from 0 in rising k. 2mnk flops.
   *
   * @param a [m x k]
   * @param b [k x n]
   * @param c [m x n], overwritten
   */
  public static void gemm(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      GemmScratch scratch) {
    Arrays.fill(c, cFrom, cFrom + m * n, 0f);
    KERNELS.gemmAdd(a, aFrom, b, bFrom, c, cFrom, m, n, k, scratch);
  }

  /**
   * C = C + A B, each chain continuing from C.
   *
   * @param a [m x k]
   * @param b [k x n]
   * @param c [m x n], updated
   */
  public static void gemmAdd(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      GemmScratch scratch) {
    KERNELS.gemmAdd(a, aFrom, b, bFrom, c, cFrom, m, n, k, scratch);
  }

  /**
   * C = C + A A', each chain continuing from C: the bits of {@link #gemmAdd} with A', at half the
   * price, since products commute and so an entry and its mirror are one chain. k m^2 flops.
   *
   * @param a [m x k]
   * @param transposed [k x m], A'
   * @param c [m x m], symmetric, updated
   */
  public static void gramAdd(
      float[] a,
      int aFrom,
      float[] transposed,
      int transposedFrom,
      float[] c,
      int cFrom,
      int m,
      int k,
      GemmScratch scratch) {
    KERNELS.gramAddUpper(a, aFrom, transposed, transposedFrom, c, cFrom, m, k, scratch);
    Transposition.mirrorUpper(c, cFrom, m);
  }

  /**
   * out = A'.
   *
   * @param a [m x n]
   * @param out [n x m], overwritten
   */
  public static void transpose(float[] a, int aFrom, float[] out, int outFrom, int m, int n) {
    Transposition.copy(a, aFrom, n, out, outFrom, m, m, n);
  }

  /**
   * First index, counted from {@code from}, of the largest |x| by its bits; a NaN counts as larger
   * than infinity. -1 when length is 0.
   */
  public static int argmaxAbs(float[] x, int from, int length) {
    return KERNELS.argmaxAbs(x, from, length);
  }

  /** The largest |x| by its bits, so that a NaN is larger than infinity; 0 when length is 0. */
  public static float maxAbs(float[] x, int from, int length) {
    return KERNELS.maxAbs(x, from, length);
  }

  /**
   * out = base - sum over i of coefficients[i] matrix[rows[i]][:], each output one chain {@code
   * fma(-coefficients[i], matrix, acc)} from base in rising i. base and out may be the same range.
   *
   * @param base [rowLength]
   * @param coefficients first {@code count} used
   * @param rows first {@code count} used, row numbers of the matrix
   * @param matrix [any x rowLength]
   * @param out [rowLength], overwritten
   */
  public static void subtractRows(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      float[] out,
      int outFrom) {
    KERNELS.subtractRows(
        base, baseFrom, coefficients, rows, count, matrix, rowLength, out, outFrom);
  }
}
