package io.millrace.kernel;

import java.util.Arrays;
import java.util.Objects;

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
  private static final ColumnKernels COLUMNS = KERNELS.columns();

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

  /**
   * sum[i] += the integer nearest to factor x[i], halves to even, the product rounded to double:
   * exact while factor has 29 significant bits. With -factor it takes back, bit for bit, what it
   * added.
   *
   * @param x finite, |factor x| below 2^51, which is not checked
   * @param sum 64-bit integers, which wrap when they overflow
   */
  public static void addFixed(
      float[] x, int from, double factor, long[] sum, int sumFrom, int length) {
    COLUMNS.addFixed(x, from, factor, sum, sumFrom, length);
  }

  /**
   * sum += the nearest integers of {@link #addFixed(float[], int, double, long[], int, int)} of
   * many rows, which are read together.
   *
   * @param rows first {@code count} used, each read from {@code from} on
   * @param factors one a row
   * @return the largest |x| by its bits, a NaN larger than infinity: where it is too large for its
   *     factor, so that |factor x| is not below 2^51, the sum is worth nothing
   */
  public static float addFixed(
      float[][] rows, int count, int from, double[] factors, long[] sum, int sumFrom, int length) {
    return COLUMNS.addFixed(rows, count, from, factors, sum, sumFrom, length);
  }

  /**
   * out = out + a weighted sum of rows in double, each column one chain {@code fma(weight, x, acc)}
   * from out in the order of {@code members}.
   *
   * @param rows each read from {@code from} on
   * @param members first {@code count} used, row numbers
   * @param weights first {@code count} used, one a member
   * @param out updated from {@code outFrom} on
   */
  public static void addWeighted(
      float[][] rows,
      int[] members,
      int count,
      double[] weights,
      int from,
      int length,
      double[] out,
      int outFrom) {
    COLUMNS.addWeighted(rows, members, count, weights, from, length, out, outFrom);
  }

  /**
   * Means of rows. The sum of a subset of rows 4 g to 4 g + 3 is a chain of sums in double from its
   * first row on, in rising order; a mean is a chain of such sums from 0 in rising g, times the
   * double nearest to 1 / its rows, and rounded to float.
   *
   * @param rows {@code means.rows()} arrays, each read from {@code from} on
   * @param out {@code means.size()} arrays, overwritten from {@code outFrom} on
   */
  public static void means(
      RowMeans means, float[][] rows, int from, int length, float[][] out, int outFrom) {
    COLUMNS.means(means, rows, from, length, out, outFrom);
  }

  /**
   * Sorts every column of a matrix of {@code network.inputs()} rows and delivers the ranks the
   * network was made for. The order is total: -0 below 0, and a NaN outside the infinity of its
   * sign.
   *
   * @param rows one array a row, each read from {@code from} on, not modified
   * @param length columns, at most {@link RankNetwork#COLUMNS}
   * @param out [network.ranks() x length], overwritten
   */
  public static void rank(RankNetwork network, float[][] rows, int from, int length, float[] out) {
    Objects.checkFromToIndex(0, length, RankNetwork.COLUMNS);
    COLUMNS.rank(network, rows, from, length, out);
  }

  /**
   * The mean of the ranks of every column that the network was made for: a chain of sums in double
   * from 0 in rising order of the values, divided by their number. The order of values is that of
   * {@link #rank}.
   *
   * @param rows one array a row, each read from {@code from} on, not modified
   * @param length columns, at most {@link RankNetwork#COLUMNS}
   * @param out overwritten from {@code outFrom} on
   */
  public static void rankMean(
      RankNetwork network, float[][] rows, int from, int length, double[] out, int outFrom) {
    Objects.checkFromToIndex(0, length, RankNetwork.COLUMNS);
    COLUMNS.rankMean(network, rows, from, length, out, outFrom);
  }

  /**
   * out = sum of some rows in double, each column one chain from 0 in the order of {@code members}.
   *
   * @param rows each read from {@code from} on
   * @param members row numbers, may repeat
   * @param out overwritten from 0 on
   */
  public static void sumRows(float[][] rows, int[] members, int from, int length, double[] out) {
    COLUMNS.sumRows(rows, members, from, length, out);
  }

  /**
   * gram += A A' in double for a matrix of separate rows. In blocks of 512 columns, counted from
   * {@code from}: product c of two rows, exact in double, is added to partial c mod 8; partials
   * fold by halves 4, 2, 1; blocks are added in rising order. count^2 length flops.
   *
   * @param rows first {@code count} used, each read from {@code from} on
   * @param gram [count x count], symmetric, updated
   */
  public static void gramAdd(float[][] rows, int count, int from, int length, double[] gram) {
    COLUMNS.gramUpper(rows, count, from, length, gram);
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < i; j++) {
        gram[i * count + j] = gram[j * count + i];
      }
    }
  }
}
