package io.millrace.kernel;

/** The twin in plain Java. */
final class ScalarCodeKernels implements CodeKernels {

  @Override
  public void ranges(float[] x, int from, int groups, int group, float[] minima, float[] maxima) {
    for (int g = 0; g < groups; g++) {
      int low = Integer.MAX_VALUE;
      int high = Integer.MIN_VALUE;
      for (int i = from + g * group; i < from + (g + 1) * group; i++) {
        int sortable = PackedCodes.sortable(Float.floatToRawIntBits(x[i]));
        low = Math.min(low, sortable);
        high = Math.max(high, sortable);
      }
      minima[g] = Float.intBitsToFloat(PackedCodes.sortable(low));
      maxima[g] = Float.intBitsToFloat(PackedCodes.sortable(high));
    }
  }

  @Override
  public void pack(
      float[] x,
      int from,
      int groups,
      int group,
      float[] minima,
      float[] inverseSteps,
      int[] words,
      int bits) {
    float largest = (1 << bits) - 1;
    int slots = Integer.SIZE / bits;
    for (int i = 0; i < groups * group; i++) {
      int g = i / group;
      float scaled = (x[from + i] - minima[g]) * inverseSteps[g];
      float clamped = Math.min(Math.max(scaled, 0f), largest);
      int code = Float.floatToRawIntBits(clamped + PackedCodes.ROUNDING) & ((1 << bits) - 1);
      int run = i / PackedCodes.RUN;
      int word = run / slots * PackedCodes.RUN + i % PackedCodes.RUN;
      int shift = run % slots * bits;
      words[word] = words[word] & ~(((1 << bits) - 1) << shift) | code << shift;
    }
  }

  @Override
  public void unpack(
      int[] words,
      int groups,
      int group,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom,
      int bits) {
    for (int i = 0; i < groups * group; i++) {
      out[outFrom + i] = Math.fma(code(words, 0, i, bits), steps[i / group], minima[i / group]);
    }
  }

  @Override
  public void add(
      int[] words,
      int firstRun,
      int runStride,
      int rows,
      int columns,
      int group,
      float[] factors,
      int factorStride,
      float[] out,
      int outFrom,
      int bits) {
    for (int row = 0; row < rows; row++) {
      for (int j = 0; j < columns; j++) {
        float factor = factors[row * factorStride + j / group];
        float code = code(words, firstRun + row * runStride, j, bits);
        out[outFrom + j] = Math.fma(factor, code, out[outFrom + j]);
      }
    }
  }

  @Override
  public float dot(
      int[] words,
      int firstRun,
      int columns,
      int group,
      float[] factors,
      int factorsFrom,
      float[] x,
      int xFrom,
      int bits) {
    float[] partial = new float[PackedCodes.RUN];
    for (int lane = 0; lane < PackedCodes.RUN; lane++) {
      for (int g = 0; g < columns / group; g++) {
        float sum = 0f;
        for (int j = g * group + lane; j < (g + 1) * group; j += PackedCodes.RUN) {
          sum = Math.fma(x[xFrom + j], code(words, firstRun, j, bits), sum);
        }
        partial[lane] = Math.fma(factors[factorsFrom + g], sum, partial[lane]);
      }
    }
    for (int half = PackedCodes.RUN / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; lane++) {
        partial[lane] += partial[lane + half];
      }
    }
    return partial[0];
  }

  private static float code(int[] words, int firstRun, int i, int bits) {
    int slots = Integer.SIZE / bits;
    int run = firstRun + i / PackedCodes.RUN;
    int word = words[run / slots * PackedCodes.RUN + i % PackedCodes.RUN];
    return word >>> run % slots * bits & (1 << bits) - 1;
  }
}
