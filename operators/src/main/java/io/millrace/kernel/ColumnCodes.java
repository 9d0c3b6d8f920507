package io.millrace.kernel;

import java.util.Arrays;

/**
 * A matrix of b-bit codes, 2, 3, 4 or 8, packed down its columns: a word of 32 bits belongs to one
 * column and holds the codes of rows that follow one another, the first in the lowest bits. Lanes
 * of any width are then columns side by side: packing and unpacking are shifts and masks, a row is
 * written in one go, and no value crosses lanes.
 *
 * <pre>
 * b = 2, 4, 8   word row w, little-endian: [columns] words, rows 32/b w to 32/b (w + 1) - 1
 * b = 3         eight rows a word row in the low 24 bits; of four such the last has no words: its
 *               24 bits are the top bytes of the other three, lowest first
 * last rows     that do not fill a word, or with b = 3 four of them: the bytes of each column's word
 *               that hold codes, column by column
 * </pre>
 *
 * <p>Bytes columns ceil(rows b / 8).
 *
 * <p>What a code means is given either for each column, [columns] steps and minima, or for groups
 * along a row, [rows x columns / group]. Where a method asks for placed steps they are those of
 * {@link #place}: codes are multiplied where they lie in their words.
 *
 * <p>A view of bytes that it does not own; scratch memory makes it belong to one thread. Arguments
 * are not checked beyond the bounds of arrays.
 */
public final class ColumnCodes {
  /** Columns or rows that a dot treats together. */
  static final int LANES = 16;

  /** 1.5 x 2^23: added to 0 to 2^22, it leaves the nearest whole number in the low bits. */
  static final float ROUNDING = 12582912f;

  static final int ROUNDING_BITS = 0x4b400000;

  private static final CodeKernels KERNELS = Kernels.codes();
  private static final int OCTETS = 4;

  private final byte[] bytes;
  private final int from;
  private final int rows;
  private final int columns;
  private final int bits;
  private final int slots;
  private byte[] assembled = new byte[0];
  private float[] partials = new float[0];

  /**
   * @param bytes of which {@link #bytes(int, int, int)} belong to the matrix
   * @throws IllegalArgumentException for other bits, or too few bytes
   */
  public ColumnCodes(byte[] bytes, int from, int rows, int columns, int bits) {
    this.slots = slots(bits);
    if (bytes.length - from < bytes(rows, columns, bits)) {
      throw new IllegalArgumentException(
          "codes have " + (bytes.length - from) + " bytes, expected " + bytes(rows, columns, bits));
    }
    this.bytes = bytes;
    this.from = from;
    this.rows = rows;
    this.columns = columns;
    this.bits = bits;
  }

  /** Bytes of a matrix. */
  public static int bytes(int rows, int columns, int bits) {
    slots(bits);
    return columns * shortBytes(rows, bits);
  }

  /** Bytes of a column's codes. */
  private static int shortBytes(int rows, int bits) {
    return (rows * bits + Byte.SIZE - 1) / Byte.SIZE;
  }

  private static int slots(int bits) {
    return switch (bits) {
      case 2 -> 16;
      case 3, 4 -> 8;
      case 8 -> 4;
      default ->
          throw new IllegalArgumentException("bits: got " + bits + ", expected 2, 3, 4 or 8");
    };
  }

  /**
   * Smallest and largest value of each column, -0 below +0.
   *
   * @param x [rows x columns], finite
   * @param minima [columns] from {@code sideFrom}, overwritten
   * @param maxima [columns] from {@code sideFrom}, overwritten
   */
  public static void columnRanges(
      float[] x, int from, int rows, int columns, float[] minima, float[] maxima, int sideFrom) {
    KERNELS.columnRanges(x, from, rows, columns, minima, maxima, sideFrom);
  }

  /**
   * Smallest and largest value of each group of values that follow one another, -0 below +0.
   *
   * @param x [groups x group], finite
   * @param group a multiple of 16
   * @param minima [groups], overwritten
   * @param maxima [groups], overwritten
   */
  public static void groupRanges(
      float[] x, int from, int groups, int group, float[] minima, float[] maxima) {
    KERNELS.groupRanges(x, from, groups, group, minima, maxima);
  }

  /**
   * Writes rows: code = the whole number nearest to (x - minimum) inverse, halves to even, within 0
   * to 2^b - 1; the difference is rounded to float, the product is not.
   *
   * @param firstRow a multiple of 32
   * @param x [rowCount x columns]
   * @param minima [columns]
   * @param inverse [columns], finite, at least 0
   */
  public void packByColumn(
      int firstRow,
      int rowCount,
      float[] x,
      int xFrom,
      float[] minima,
      float[] inverse,
      int sideFrom) {
    for (int row = 0; row < rowCount; row += slots) {
      int word = (firstRow + row) / slots;
      int here = Math.min(slots, rowCount - row);
      int at = xFrom + row * columns;
      KERNELS.packByColumn(
          x, at, here, columns, minima, inverse, sideFrom, bits, target(word), targetFrom(word));
      finish(word);
    }
  }

  /**
   * Writes all rows, as {@link #packByColumn}.
   *
   * @param x [rows x columns]
   * @param group a multiple of 16 that divides the columns
   * @param minima [rows x columns / group]
   * @param inverse [rows x columns / group], finite, at least 0
   */
  public void packByGroup(float[] x, int xFrom, int group, float[] minima, float[] inverse) {
    for (int row = 0; row < rows; row += slots) {
      int word = row / slots;
      int here = Math.min(slots, rows - row);
      int side = row * (columns / group);
      KERNELS.packByGroup(
          x,
          xFrom + row * columns,
          here,
          columns,
          group,
          minima,
          inverse,
          side,
          bits,
          target(word),
          targetFrom(word));
      finish(word);
    }
  }

  /**
   * out = fma(code, step, minimum).
   *
   * @param firstRow a multiple of 32
   * @param steps [columns] from {@code sideFrom}
   * @param minima [columns] from {@code sideFrom}
   * @param out [rowCount x columns], overwritten
   */
  public void unpackByColumn(
      int firstRow,
      int rowCount,
      float[] steps,
      float[] minima,
      int sideFrom,
      float[] out,
      int outFrom) {
    for (int row = 0; row < rowCount; row += slots) {
      int word = (firstRow + row) / slots;
      int here = Math.min(slots, rowCount - row);
      KERNELS.unpackByColumn(
          source(word, 0, columns),
          sourceFrom(word),
          here,
          columns,
          steps,
          minima,
          sideFrom,
          bits,
          out,
          outFrom + row * columns);
    }
  }

  /**
   * out = fma(code where it lies, placed step, minimum).
   *
   * @param group a multiple of 16 that divides the columns
   * @param steps [rows x columns / group], placed
   * @param minima [rows x columns / group]
   * @param out [rows x columns], overwritten
   */
  public void unpackByGroup(int group, float[] steps, float[] minima, float[] out, int outFrom) {
    for (int row = 0; row < rows; row += slots) {
      int word = row / slots;
      int here = Math.min(slots, rows - row);
      KERNELS.unpackByGroup(
          source(word, 0, columns),
          sourceFrom(word),
          here,
          columns,
          group,
          steps,
          minima,
          row * (columns / group),
          bits,
          out,
          outFrom + row * columns);
    }
  }

  /**
   * Inner products with every row: out[r] is the sum over columns c of x[c] (minimum[c] + step[c]
   * code[r][c]). Sixteen partials: partial l is the fma chain of x[c] step[c] (rounded) and the
   * code where it lies over columns l, l + 16, ... from the first, times a power of two, plus the
   * chain of x[c] minimum[c] over the same, by one fma; partials fold by halves, 8, 4, 2, 1.
   *
   * @param column first of {@code count} columns
   * @param x [count]
   * @param rowsPerSide rows that share steps and minima, a multiple of 32 or all
   * @param steps [sides x columns]
   * @param minima [sides x columns]
   * @param out [rows], overwritten
   */
  public void dotByColumn(
      int column,
      int count,
      float[] x,
      int xFrom,
      int rowsPerSide,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom) {
    float[] partial = partials(count);
    for (int first = 0, side = column; first < rows; first += rowsPerSide, side += columns) {
      int factors = LANES * rows;
      int offsets = factors + count;
      KERNELS.factors(x, xFrom, steps, minima, side, count, partial, factors, offsets);
      int end = Math.min(rows, first + rowsPerSide);
      for (int row = first; row < end; row += slots) {
        int word = row / slots;
        KERNELS.dotByColumn(
            source(word, column, count),
            sourceFrom(word) + Integer.BYTES * column,
            Math.min(slots, end - row),
            columns,
            count,
            factors,
            offsets,
            bits,
            partial,
            LANES * row);
      }
    }
    KERNELS.fold(partial, rows, out, outFrom);
  }

  /**
   * Inner products with every row, as {@link #dotByColumn}: partial l is a chain over groups in
   * rising order: fma(the chain of x and code where it lies over columns l, l + 16, ... of the
   * group, placed step, partial), then fma(minimum, the sum of those x, partial).
   *
   * @param column first of {@code count} columns
   * @param x [count]
   * @param group a multiple of 16 that divides the columns
   * @param steps [rows x columns / group], placed
   * @param minima [rows x columns / group]
   * @param out [rows], overwritten
   */
  public void dotByGroup(
      int column,
      int count,
      float[] x,
      int xFrom,
      int group,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom) {
    int perRow = columns / group;
    float[] partial = partials(LANES * (count / group + 2));
    int sums = LANES * rows;
    sumLanes(column, count, x, xFrom, group, partial, sums);
    for (int row = 0; row < rows; row += slots) {
      int word = row / slots;
      KERNELS.dotByGroup(
          source(word, column, count),
          sourceFrom(word) + Integer.BYTES * column,
          Math.min(slots, rows - row),
          column,
          count,
          x,
          xFrom,
          group,
          steps,
          minima,
          row * perRow + column / group,
          perRow,
          sums,
          bits,
          partial,
          LANES * row);
    }
    KERNELS.fold(partial, rows, out, outFrom);
  }

  /** sums[g][l] = the sum of x over the columns l, l + 16, ... from the first that are in g. */
  private static void sumLanes(
      int column, int count, float[] x, int xFrom, int group, float[] sums, int sumsFrom) {
    Arrays.fill(sums, sumsFrom, sumsFrom + LANES * (count / group + 2), 0f);
    int end = Math.min(count, group - column % group);
    for (int c = 0, at = sumsFrom; c < count; at += LANES, end = Math.min(count, end + group)) {
      for (; c < end; c++) {
        sums[at + c % LANES] += x[xFrom + c];
      }
    }
  }

  /**
   * Adds weighted rows: out[c] is the fma chain over rows r in rising order of weight[r] placed
   * step (rounded) and the code where it lies, from out[c]; then the sum over rows of weight[r]
   * minimum is added, four chains of rows r mod 4, folded by halves.
   *
   * @param column first of {@code count} columns
   * @param weights [rows]
   * @param group a multiple of 16 that divides the columns
   * @param steps [rows x columns / group], placed
   * @param minima [rows x columns / group]
   * @param out [count], modified
   */
  public void addByGroup(
      int column,
      int count,
      float[] weights,
      int weightsFrom,
      int group,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom) {
    int perRow = columns / group;
    int first = column / group;
    int groups = (column + count - 1) / group - first + 1;
    float[] factors = partials(rows * groups);
    for (int row = 0, i = 0; row < rows; row++) {
      for (int g = 0; g < groups; g++, i++) {
        factors[i] = weights[weightsFrom + row] * steps[row * perRow + first + g];
      }
    }
    for (int row = 0; row < rows; row += slots) {
      int word = row / slots;
      KERNELS.addByGroup(
          source(word, column, count),
          sourceFrom(word) + Integer.BYTES * column,
          Math.min(slots, rows - row),
          column,
          count,
          group,
          factors,
          row * groups,
          groups,
          bits,
          out,
          outFrom);
    }
    for (int g = 0; g < groups; g++) {
      float sum = weightedMinima(weights, weightsFrom, minima, first + g, perRow);
      int begin = Math.max(column, (first + g) * group);
      int end = Math.min(column + count, (first + g + 1) * group);
      for (int c = begin; c < end; c++) {
        out[outFrom + c - column] += sum;
      }
    }
  }

  private float weightedMinima(
      float[] weights, int weightsFrom, float[] minima, int first, int perRow) {
    float s0 = 0f;
    float s1 = 0f;
    float s2 = 0f;
    float s3 = 0f;
    int row = 0;
    for (int i = first; row + 3 < rows; row += 4, i += 4 * perRow) {
      s0 = Math.fma(weights[weightsFrom + row], minima[i], s0);
      s1 = Math.fma(weights[weightsFrom + row + 1], minima[i + perRow], s1);
      s2 = Math.fma(weights[weightsFrom + row + 2], minima[i + 2 * perRow], s2);
      s3 = Math.fma(weights[weightsFrom + row + 3], minima[i + 3 * perRow], s3);
    }
    for (; row < rows; row++) {
      s0 = Math.fma(weights[weightsFrom + row], minima[first + row * perRow], s0);
    }
    return s0 + s2 + (s1 + s3);
  }

  /** Scratch of [rows x 16] partials and {@code more} floats. */
  private float[] partials(int more) {
    int length = LANES * (rows + LANES) + LANES + more;
    if (partials.length < length) {
      partials = new float[length];
    }
    return partials;
  }

  /**
   * Places steps: those of row r are divided by 2^(b (r mod 4)), but for r mod 4 = 3.
   *
   * @param steps [rows x perRow], modified
   */
  public static void place(float[] steps, int rows, int perRow, int bits) {
    for (int row = 0; row < rows; row++) {
      float scale = ScalarCodeKernels.placeScale(row, bits);
      for (int i = row * perRow; i < (row + 1) * perRow; i++) {
        steps[i] *= scale;
      }
    }
  }

  int rows() {
    return rows;
  }

  int columns() {
    return columns;
  }

  /** Rows of a word row. */
  int slots() {
    return slots;
  }

  private byte[] target(int word) {
    return isWhole(word) ? bytes : assembled();
  }

  private int targetFrom(int word) {
    return isWhole(word) ? stored(word) : 0;
  }

  private void finish(int word) {
    if (isWhole(word)) {
      return;
    }
    if (isInQuad(word)) {
      KERNELS.spread(assembled, 0, bytes, stored(word - 3), columns);
      return;
    }
    int length = shortBytes(Math.min(slots, rows - word * slots), bits);
    for (int c = 0, at = stored(word); c < columns; c++, at += length) {
      System.arraycopy(assembled, Integer.BYTES * c, bytes, at, length);
    }
  }

  /** The array that holds the words of a row, once for every use: it may be scratch memory. */
  byte[] source(int word, int column, int count) {
    if (isWhole(word)) {
      return bytes;
    }
    byte[] target = assembled();
    if (isInQuad(word)) {
      int at = stored(word - 3) + Integer.BYTES * column;
      KERNELS.assemble(bytes, at, Integer.BYTES * columns, target, Integer.BYTES * column, count);
      return target;
    }
    int length = shortBytes(Math.min(slots, rows - word * slots), bits);
    Arrays.fill(target, Integer.BYTES * column, Integer.BYTES * (column + count), (byte) 0);
    for (int c = column, at = stored(word) + column * length; c < column + count; c++) {
      System.arraycopy(bytes, at, target, Integer.BYTES * c, length);
      at += length;
    }
    return target;
  }

  int sourceFrom(int word) {
    return targetFrom(word);
  }

  /** Whether a row's words lie in the bytes as they are. */
  private boolean isWhole(int word) {
    return bits == 3 ? isInQuad(word) && word % OCTETS < OCTETS - 1 : (word + 1) * slots <= rows;
  }

  /** Of 3-bit codes: whether the four word rows are complete. */
  private boolean isInQuad(int word) {
    return bits == 3 && (word / OCTETS + 1) * OCTETS * slots <= rows;
  }

  /** Where a word row begins. */
  private int stored(int word) {
    // eight codes of 3 bits are 3 bytes, in the top bytes of others or on their own
    int before = bits == 3 && isInQuad(word) ? word - word / OCTETS : word;
    int wordBytes = bits == 3 && !isInQuad(word) ? 3 : Integer.BYTES;
    return from + wordBytes * columns * before;
  }

  private byte[] assembled() {
    if (assembled.length == 0) {
      assembled = new byte[Integer.BYTES * columns];
    }
    return assembled;
  }
}
