package io.millrace.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The twin in plain Java. */
final class ScalarCodeKernels implements CodeKernels {
  private static final int LANES = ColumnCodes.LANES;
  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  @Override
  public void columnRanges(
      float[] x, int from, int rows, int columns, float[] minima, float[] maxima, int sideFrom) {
    for (int c = 0; c < columns; c++) {
      int low = Integer.MAX_VALUE;
      int high = Integer.MIN_VALUE;
      for (int row = 0; row < rows; row++) {
        int sortable = sortable(Float.floatToRawIntBits(x[from + row * columns + c]));
        low = Math.min(low, sortable);
        high = Math.max(high, sortable);
      }
      minima[sideFrom + c] = Float.intBitsToFloat(sortable(low));
      maxima[sideFrom + c] = Float.intBitsToFloat(sortable(high));
    }
  }

  @Override
  public void groupRanges(
      float[] x, int from, int groups, int group, float[] minima, float[] maxima) {
    for (int g = 0; g < groups; g++) {
      int low = Integer.MAX_VALUE;
      int high = Integer.MIN_VALUE;
      for (int i = from + g * group; i < from + (g + 1) * group; i++) {
        int sortable = sortable(Float.floatToRawIntBits(x[i]));
        low = Math.min(low, sortable);
        high = Math.max(high, sortable);
      }
      minima[g] = Float.intBitsToFloat(sortable(low));
      maxima[g] = Float.intBitsToFloat(sortable(high));
    }
  }

  /** Maps the bits of floats to ints of the same order, and back: an involution. */
  static int sortable(int bits) {
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  @Override
  public void packByColumn(
      float[] x,
      int from,
      int rows,
      int columns,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom) {
    for (int c = 0; c < columns; c++) {
      int word = 0;
      for (int row = 0; row < rows; row++) {
        float value = x[from + row * columns + c];
        word |= code(value, minima[sideFrom + c], inverse[sideFrom + c], bits) << row * bits;
      }
      WORDS.set(words, wordsFrom + Integer.BYTES * c, word);
    }
  }

  @Override
  public void packByGroup(
      float[] x,
      int from,
      int rows,
      int columns,
      int group,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom) {
    int perRow = columns / group;
    for (int c = 0; c < columns; c++) {
      int word = 0;
      for (int row = 0; row < rows; row++) {
        int side = sideFrom + row * perRow + c / group;
        float value = x[from + row * columns + c];
        word |= code(value, minima[side], inverse[side], bits) << row * bits;
      }
      WORDS.set(words, wordsFrom + Integer.BYTES * c, word);
    }
  }

  private static int code(float value, float minimum, float inverse, int bits) {
    float rounded = Math.fma(value - minimum, inverse, ColumnCodes.ROUNDING);
    int least = ColumnCodes.ROUNDING_BITS;
    int most = least + (1 << bits) - 1;
    // bits of floats above zero are in the order of the floats; those below zero are below zero
    return Math.min(Math.max(Float.floatToRawIntBits(rounded), least), most) - least;
  }

  @Override
  public void unpackByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom) {
    int mask = (1 << bits) - 1;
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < columns; c++) {
        int code = word(words, wordsFrom, c) >>> row * bits & mask;
        out[outFrom + row * columns + c] =
            Math.fma((float) code, steps[sideFrom + c], minima[sideFrom + c]);
      }
    }
  }

  @Override
  public void unpackByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom) {
    int perRow = columns / group;
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < columns; c++) {
        int side = sideFrom + row * perRow + c / group;
        out[outFrom + row * columns + c] =
            Math.fma(placed(words, wordsFrom, c, row, bits), steps[side], minima[side]);
      }
    }
  }

  static int word(byte[] words, int from, int column) {
    return (int) WORDS.get(words, from + Integer.BYTES * column);
  }

  /** A code where it lies in its word or, of rows 4 to 7 and so on, in the word shifted. */
  private static float placed(byte[] words, int from, int column, int row, int bits) {
    int shifted = word(words, from, column) >>> (row & -4) * bits;
    int mask = (1 << bits) - 1;
    int place = (row & 3) * bits;
    return (row & 3) == 3 ? shifted >>> place & mask : shifted & mask << place;
  }

  /** 2^-(b (r mod 4)), and 1 for r mod 4 = 3. */
  static float placeScale(int row, int bits) {
    int place = row % 4 == 3 ? 0 : row % 4 * bits;
    return Float.intBitsToFloat(127 - place << 23);
  }

  @Override
  public void assemble(byte[] words, int from, int rowBytes, byte[] out, int outFrom, int count) {
    for (int c = 0; c < count; c++) {
      int word = 0;
      for (int row = 0; row < 3; row++) {
        word |= word(words, from + row * rowBytes, c) >>> 24 << 8 * row;
      }
      WORDS.set(out, outFrom + Integer.BYTES * c, word);
    }
  }

  @Override
  public void spread(byte[] words, int from, byte[] out, int outFrom, int columns) {
    for (int row = 0; row < 3; row++) {
      int rowFrom = outFrom + row * Integer.BYTES * columns;
      for (int c = 0; c < columns; c++) {
        int top = word(words, from, c) >>> 8 * row << 24;
        WORDS.set(out, rowFrom + Integer.BYTES * c, word(out, rowFrom, c) & 0xffffff | top);
      }
    }
  }

  @Override
  public void factors(
      float[] x,
      int xFrom,
      float[] steps,
      float[] minima,
      int sideFrom,
      int count,
      float[] scratch,
      int factors,
      int offsets) {
    for (int lane = 0; lane < LANES; lane++) {
      float sum = 0f;
      for (int c = lane; c < count; c += LANES) {
        scratch[factors + c] = x[xFrom + c] * steps[sideFrom + c];
        sum = Math.fma(x[xFrom + c], minima[sideFrom + c], sum);
      }
      scratch[offsets + lane] = sum;
    }
  }

  @Override
  public void dotByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int count,
      int factors,
      int offsets,
      int bits,
      float[] partial,
      int partialFrom) {
    for (int row = 0; row < rows; row++) {
      for (int lane = 0; lane < LANES; lane++) {
        float sum = 0f;
        for (int c = lane; c < count; c += LANES) {
          sum = Math.fma(placed(words, wordsFrom, c, row, bits), partial[factors + c], sum);
        }
        partial[partialFrom + row * LANES + lane] =
            Math.fma(sum, placeScale(row, bits), partial[offsets + lane]);
      }
    }
  }

  @Override
  public void dotByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      float[] x,
      int xFrom,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int sideRow,
      int sums,
      int bits,
      float[] partial,
      int partialFrom) {
    int first = column / group;
    int groups = (column + count - 1) / group - first + 1;
    for (int row = 0; row < rows; row++) {
      for (int lane = 0; lane < LANES; lane++) {
        float total = 0f;
        for (int g = 0; g < groups; g++) {
          int end = Math.min(count, (first + g + 1) * group - column);
          // the first column of the group on this lane
          int begin = Math.max(0, (first + g) * group - column);
          float sum = 0f;
          for (int c = begin + (lane - begin & LANES - 1); c < end; c += LANES) {
            sum = Math.fma(placed(words, wordsFrom, c, row, bits), x[xFrom + c], sum);
          }
          int side = sideFrom + row * sideRow + g;
          total = Math.fma(sum, steps[side], total);
          total = Math.fma(minima[side], partial[sums + LANES * g + lane], total);
        }
        partial[partialFrom + row * LANES + lane] = total;
      }
    }
  }

  @Override
  public void addByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      int group,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      int bits,
      float[] out,
      int outFrom) {
    int first = column / group;
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < count; c++) {
        float factor = factors[factorsFrom + row * factorsRow + (column + c) / group - first];
        out[outFrom + c] =
            Math.fma(placed(words, wordsFrom, c, row, bits), factor, out[outFrom + c]);
      }
    }
  }

  @Override
  public void fold(float[] partial, int rows, float[] out, int outFrom) {
    for (int row = 0; row < rows; row++) {
      int from = row * LANES;
      for (int half = LANES / 2; half > 0; half /= 2) {
        for (int lane = from; lane < from + half; lane++) {
          partial[lane] += partial[lane + half];
        }
      }
      out[outFrom + row] = partial[from];
    }
  }
}
