package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;

/**
 * A matrix of b-bit codes with a step and a minimum for each group of a row: x = minimum + step x
 * code. Steps and minima are halves and the codes are found with them, so that the reader's
 * arithmetic is the writer's; a constant group has step 0 and restores to its minimum.
 *
 * <pre>
 * codes    4 x words          lines of 16 words, see Kernels.codeWords
 * steps    2 x rows x groups  half precision
 * minima   2 x rows x groups  half precision; symmetric: absent, -2^(b-1) step
 * </pre>
 *
 * <p>Bytes b / 8 a value (3 bits: 3.2 / 8), and 4 (symmetric: 2) a group. Encoding costs two
 * passes.
 */
final class GroupedCodes {
  private static final int RUN = 16;

  private final int rows;
  private final int columns;
  private final int group;
  private final int bits;
  private final boolean symmetric;
  private final int[] words;
  private final float[] steps;
  private final float[] minima;

  private GroupedCodes(int rows, int columns, int group, int bits, boolean symmetric) {
    if (columns % group != 0) {
      throw new IllegalArgumentException(
          "rows have " + columns + " values, expected a multiple of the group, " + group);
    }
    this.rows = rows;
    this.columns = columns;
    this.group = group;
    this.bits = bits;
    this.symmetric = symmetric;
    this.words = new int[Kernels.codeWords(rows * columns, bits)];
    this.steps = new float[rows * columns / group];
    this.minima = new float[steps.length];
  }

  /** Bytes that {@link #encode} gives. */
  static int bytes(int rows, int columns, int group, int bits, boolean symmetric) {
    int groups = rows * columns / group;
    return Integer.BYTES * Kernels.codeWords(rows * columns, bits)
        + Short.BYTES * groups * (symmetric ? 1 : 2);
  }

  /**
   * Encodes a matrix.
   *
   * @param matrix [rows x columns], finite; not modified
   * @param group a multiple of 16 that divides {@code columns}
   * @param out gets {@link #bytes} bytes, little-endian
   */
  static void encode(
      float[] matrix,
      int rows,
      int columns,
      int group,
      int bits,
      boolean symmetric,
      ByteBuffer out) {
    GroupedCodes codes = new GroupedCodes(rows, columns, group, bits, symmetric);
    codes.pack(matrix);
    out.asIntBuffer().put(codes.words);
    out.position(out.position() + Integer.BYTES * codes.words.length);
    for (float step : codes.steps) {
      out.putShort(Float16.encode(step));
    }
    if (!symmetric) {
      for (float minimum : codes.minima) {
        out.putShort(Float16.encode(minimum));
      }
    }
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException when too few bytes are there
   */
  static GroupedCodes open(
      ByteBuffer in, int rows, int columns, int group, int bits, boolean symmetric) {
    int needed = bytes(rows, columns, group, bits, symmetric);
    if (in.remaining() < needed) {
      throw new IllegalArgumentException(
          "page has " + in.remaining() + " bytes of codes, expected " + needed);
    }
    GroupedCodes codes = new GroupedCodes(rows, columns, group, bits, symmetric);
    in.asIntBuffer().get(codes.words);
    in.position(in.position() + Integer.BYTES * codes.words.length);
    Float16.get(in, codes.steps, codes.steps.length);
    if (symmetric) {
      codes.centre();
    } else {
      Float16.get(in, codes.minima, codes.minima.length);
    }
    return codes;
  }

  /** out = the matrix, [rows x columns]. */
  void restore(float[] out) {
    Kernels.unpackCodes(words, steps.length, group, steps, minima, out, 0, bits);
  }

  /** Whether a span of a row is made of whole groups. */
  boolean isWhole(int column, int count) {
    return column % group == 0 && count % group == 0;
  }

  /**
   * Adds weighted rows: out[j] += sum over rows r of weights[r] x[firstRow + r][column + j].
   *
   * @param column with {@code columnCount} a span of whole groups
   * @param scratch of {@link #scratch} values, overwritten
   */
  void addRows(
      int firstRow,
      int rowCount,
      int column,
      int columnCount,
      float[] weights,
      int weightsFrom,
      float[] out,
      int outFrom,
      float[] scratch) {
    int perRow = columns / group;
    int groups = columnCount / group;
    int first = firstRow * perRow + column / group;
    for (int row = 0; row < rowCount; row++) {
      for (int g = 0; g < groups; g++) {
        scratch[row * groups + g] = weights[weightsFrom + row] * steps[first + row * perRow + g];
      }
    }
    Kernels.addCodes(
        words,
        (firstRow * columns + column) / RUN,
        columns / RUN,
        rowCount,
        columnCount,
        group,
        scratch,
        groups,
        out,
        outFrom,
        bits);
    for (int g = 0; g < groups; g++) {
      float sum = 0f;
      for (int row = 0; row < rowCount; row++) {
        sum = Math.fma(weights[weightsFrom + row], minima[first + row * perRow + g], sum);
      }
      for (int j = 0; j < group; j++) {
        out[outFrom + g * group + j] += sum;
      }
    }
  }

  /**
   * Inner products with every row: out[row] = x'(row's span).
   *
   * @param column with {@code columnCount} a span of whole groups
   * @param x [columnCount]
   * @param out [rows], overwritten
   */
  void dotRows(int column, int columnCount, float[] x, int xFrom, float[] out, int outFrom) {
    int perRow = columns / group;
    int groups = columnCount / group;
    float[] sums = new float[groups];
    for (int g = 0; g < groups; g++) {
      for (int j = 0; j < group; j++) {
        sums[g] += x[xFrom + g * group + j];
      }
    }
    for (int row = 0; row < rows; row++) {
      int first = row * perRow + column / group;
      float dot =
          Kernels.dotCodes(
              words,
              (row * columns + column) / RUN,
              columnCount,
              group,
              steps,
              first,
              x,
              xFrom,
              bits);
      for (int g = 0; g < groups; g++) {
        dot = Math.fma(sums[g], minima[first + g], dot);
      }
      out[outFrom + row] = dot;
    }
  }

  /** Floats of scratch that {@link #addRows} needs at most. */
  int scratch() {
    return steps.length;
  }

  private void pack(float[] matrix) {
    int groups = steps.length;
    float[] maxima = new float[groups];
    Kernels.codeRanges(matrix, 0, groups, group, minima, maxima);
    float[] inverse = new float[groups];
    int levels = (1 << bits) - 1;
    for (int g = 0; g < groups; g++) {
      float step =
          symmetric
              ? Math.max(Math.abs(minima[g]), Math.abs(maxima[g])) / ((1 << bits - 1) - 1)
              : (maxima[g] - minima[g]) / levels;
      minima[g] = Float16.decode(Float16.encode(minima[g]));
      steps[g] = Float16.decode(Float16.encode(step));
      inverse[g] = steps[g] > 0 ? 1 / steps[g] : 0;
    }
    if (symmetric) {
      centre();
    }
    Kernels.packCodes(matrix, 0, groups, group, minima, inverse, words, bits);
  }

  private void centre() {
    for (int g = 0; g < steps.length; g++) {
      minima[g] = -(1 << bits - 1) * steps[g];
    }
  }
}
