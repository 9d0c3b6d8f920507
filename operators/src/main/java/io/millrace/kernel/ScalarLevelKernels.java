package io.millrace.kernel;

/** The twin in plain Java. */
final class ScalarLevelKernels implements LevelKernels {
  private static final int LANES = ColumnCodes.LANES;

  @Override
  public void quantize(
      float[] x,
      int from,
      int d,
      float factor,
      CodeBook.Levels levels,
      float[] partial,
      int partialFrom) {
    int half = 1 << levels.bits() - 1;
    for (int lane = 0; lane < LANES; lane++) {
      float product = 0f;
      float square = 0f;
      for (int i = from + lane; i < from + d; i += LANES) {
        int bits = Float.floatToRawIntBits(x[i] * factor);
        int size = bits & Integer.MAX_VALUE;
        int index = 0;
        for (int threshold : levels.thresholds()) {
          index += threshold - size >>> 31;
        }
        float level = levels.positive(index + 0.5f);
        product = Math.fma(Float.intBitsToFloat(size), level, product);
        square = Math.fma(level, level, square);
        x[i] = (index ^ bits >> 31) + half;
      }
      partial[partialFrom + lane] = product;
      partial[partialFrom + LANES + lane] = square;
    }
  }

  @Override
  public void unpack(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      float[] out,
      int outFrom,
      int outRow) {
    for (int row = 0; row < rows; row++) {
      float factor = factors[factorsFrom + row * factorsRow];
      for (int c = 0; c < count; c++) {
        out[outFrom + row * outRow + c] = factor * level(words, wordsFrom, c, row, levels);
      }
    }
  }

  @Override
  public void dot(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] x,
      int xFrom,
      float[] partial,
      int partialFrom) {
    for (int row = 0; row < rows; row++) {
      for (int lane = 0; lane < LANES; lane++) {
        float sum = 0f;
        for (int c = lane; c < count; c += LANES) {
          sum = Math.fma(level(words, wordsFrom, c, row, levels), x[xFrom + c], sum);
        }
        partial[partialFrom + row * LANES + lane] = sum;
      }
    }
  }

  @Override
  public void add(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] weights,
      int weightsFrom,
      float[] out,
      int outFrom) {
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < count; c++) {
        float level = level(words, wordsFrom, c, row, levels);
        out[outFrom + c] = Math.fma(level, weights[weightsFrom + row], out[outFrom + c]);
      }
    }
  }

  private static float level(
      byte[] words, int wordsFrom, int column, int row, CodeBook.Levels levels) {
    int word = ScalarCodeKernels.word(words, wordsFrom, column);
    return levels.level(word >>> row * levels.bits() & (1 << levels.bits()) - 1);
  }

  @Override
  public void hadamard(float[] x, int from, int length, float[] signs, int block, float[] factors) {
    for (int i = 0; i < length; i++) {
      x[from + i] *= signs[i % signs.length];
    }
    for (int start = from; start < from + length; start += block) {
      for (int half = 1; half < block; half *= 2) {
        butterflies(x, start, block, half);
      }
    }
    for (int i = 0; i < length; i++) {
      x[from + i] *= factors[i % factors.length];
    }
  }

  private static void butterflies(float[] x, int start, int block, int half) {
    for (int pair = start; pair < start + block; pair += 2 * half) {
      for (int i = pair; i < pair + half; i++) {
        float a = x[i];
        float b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
}
