package io.millrace.kernel;

/**
 * Levels of a symmetric code book as a polynomial, so that they are found without a table: of code
 * c of b bits, with u = c - (2^b - 1) / 2 and t = u u, the level is u fma(t, fma(t, q, k), s).
 * Codes are packed as {@link ColumnCodes}.
 *
 * <p>Immutable but for scratch memory: one thread.
 */
public final class CodeBook {
  private static final LevelKernels KERNELS = Kernels.levels();
  private static final int LANES = ColumnCodes.LANES;

  private final Levels levels;
  private float[] scratch = new float[0];

  /**
   * What the kernels know of a book.
   *
   * @param slope s
   * @param cubic k
   * @param quintic q
   * @param thresholds bits of the positive thresholds, rising: in the middle of two levels
   */
  record Levels(int bits, float slope, float cubic, float quintic, int[] thresholds) {

    float level(int code) {
      return positive(code - ((1 << bits) - 1) * 0.5f);
    }

    /** The level at u, of either sign. */
    float positive(float u) {
      float t = u * u;
      return u * Math.fma(t, Math.fma(t, quintic, cubic), slope);
    }
  }

  /**
   * @param bits 2, 3 or 4; levels must rise with codes
   */
  public CodeBook(int bits, float slope, float cubic, float quintic) {
    int[] thresholds = new int[(1 << bits - 1) - 1];
    this.levels = new Levels(bits, slope, cubic, quintic, thresholds);
    for (int i = 0; i < thresholds.length; i++) {
      thresholds[i] =
          Float.floatToRawIntBits((levels.positive(i + 0.5f) + levels.positive(i + 1.5f)) / 2);
    }
  }

  /** The value of a code. */
  public float level(int code) {
    return levels.level(code);
  }

  /**
   * Replaces vectors by the codes of their nearest levels when each is scaled by its factor,
   * rounded to float. A value at a threshold takes the level nearer to zero.
   *
   * @param x [vectors x d], modified: whole numbers, to be packed
   * @param factors [vectors]
   * @param sums [2 vectors], overwritten: the inner product of each scaled vector with its levels,
   *     and the squares of the levels, summed in sixteen partials as a dot of {@link ColumnCodes}
   */
  public void quantize(float[] x, int from, int vectors, int d, float[] factors, float[] sums) {
    float[] partial = scratch(LANES * (2 * vectors + LANES));
    for (int v = 0; v < vectors; v++) {
      KERNELS.quantize(x, from + v * d, d, factors[v], levels, partial, 2 * LANES * v);
    }
    Kernels.codes().fold(partial, 2 * vectors, sums, 0);
  }

  /**
   * out = factor level(code).
   *
   * @param group columns that share a factor; divides the columns
   * @param factors [rows x columns / group]
   * @param out [rows x columns], overwritten
   */
  public void unpack(ColumnCodes codes, int group, float[] factors, float[] out, int outFrom) {
    int columns = codes.columns();
    int perRow = columns / group;
    for (int word = 0, row = 0; row < codes.rows(); word++, row += codes.slots()) {
      byte[] words = codes.source(word, 0, columns);
      int here = Math.min(codes.slots(), codes.rows() - row);
      int at = codes.sourceFrom(word);
      for (int g = 0; g < perRow; g++) {
        KERNELS.unpack(
            words,
            at + Integer.BYTES * g * group,
            here,
            group,
            levels,
            factors,
            row * perRow + g,
            perRow,
            out,
            outFrom + row * columns + g * group,
            columns);
      }
    }
  }

  /**
   * Inner products with the levels of every row, in sixteen partials: partial l is the fma chain
   * over columns l, l + 16, ... from the first.
   *
   * @param column first of {@code count} columns
   * @param x [count]
   * @param out [rows], overwritten
   */
  public void dot(
      ColumnCodes codes, int column, int count, float[] x, int xFrom, float[] out, int outFrom) {
    float[] partial = scratch(LANES * (codes.rows() + LANES));
    for (int word = 0, row = 0; row < codes.rows(); word++, row += codes.slots()) {
      KERNELS.dot(
          codes.source(word, column, count),
          codes.sourceFrom(word) + Integer.BYTES * column,
          Math.min(codes.slots(), codes.rows() - row),
          count,
          levels,
          x,
          xFrom,
          partial,
          LANES * row);
    }
    Kernels.codes().fold(partial, codes.rows(), out, outFrom);
  }

  /**
   * Adds weighted rows of levels: out[c] = fma(level, weight[r], out[c]), rows in rising order.
   *
   * @param column first of {@code count} columns
   * @param weights [rows]
   * @param out [count], modified
   */
  public void add(
      ColumnCodes codes, int column, int count, float[] weights, float[] out, int outFrom) {
    for (int word = 0, row = 0; row < codes.rows(); word++, row += codes.slots()) {
      KERNELS.add(
          codes.source(word, column, count),
          codes.sourceFrom(word) + Integer.BYTES * column,
          Math.min(codes.slots(), codes.rows() - row),
          count,
          levels,
          weights,
          row,
          out,
          outFrom);
    }
  }

  /**
   * Signs, then a Hadamard transform in blocks, then factors: neighbours first, then pairs of
   * pairs. In place; log2 block additions a value.
   *
   * @param x [length], modified; length is a multiple of the block
   * @param signs multiplied with the values first, repeated; their number a multiple of the block
   * @param block a power of two
   * @param factors as many as signs, multiplied with the result, repeated
   */
  public static void hadamard(
      float[] x, int from, int length, float[] signs, int block, float[] factors) {
    KERNELS.hadamard(x, from, length, signs, block, factors);
  }

  private float[] scratch(int length) {
    if (scratch.length < length) {
      scratch = new float[length];
    }
    return scratch;
  }
}
