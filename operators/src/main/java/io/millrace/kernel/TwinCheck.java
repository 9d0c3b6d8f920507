package io.millrace.kernel;

import java.util.Arrays;
import java.util.Optional;

/** Runs two twins over a few awkward shapes and compares bits. Some milliseconds at start. */
final class TwinCheck {
  private static final int[] LENGTHS = {0, 1, 5, 17, 64, 100};
  private static final int[] CODE_BITS = {2, 3, 4, 8};

  private TwinCheck() {}

  /** The first kernel and shape on which the twins differ; empty when they agree. */
  static Optional<String> difference(VectorKernels expected, VectorKernels got) {
    for (int length : LENGTHS) {
      float[] a = values(length * 7 + 3);
      float[] b = values(length + 64);
      if (bits(expected.dot(a, 1, b, 3, length)) != bits(got.dot(a, 1, b, 3, length))) {
        return Optional.of("dot of " + length);
      }
      if (expected.argmaxAbs(a, 2, length) != got.argmaxAbs(a, 2, length)) {
        return Optional.of("argmaxAbs of " + length);
      }
      if (!Arrays.equals(updates(expected, a, b, length), updates(got, a, b, length))) {
        return Optional.of("axpy, scale, gemv, gemm or subtractRows of " + length);
      }
    }
    for (int bits : CODE_BITS) {
      if (!Arrays.equals(codes(expected.codes(), bits), codes(got.codes(), bits))) {
        return Optional.of("codes of " + bits + " bits");
      }
    }
    for (int length : LENGTHS) {
      if (!Arrays.equals(columns(expected.columns(), length), columns(got.columns(), length))) {
        return Optional.of("columns of " + length);
      }
    }
    return Optional.empty();
  }

  /** All kernels for arrays side by side. */
  private static double[] columns(ColumnKernels kernels, int length) {
    float[][] rows = {values(length + 2), values(length + 1), values(length + 9)};
    long[] sum = new long[length + 1];
    kernels.addFixed(rows[0], 1, 0x1.8p20, sum, 1, length);
    float[] ranked = new float[2 * length];
    kernels.rank(new RankNetwork(3, 1, 2), rows, 1, length, ranked);
    double[] out = new double[9 + 4 * length];
    kernels.gramUpper(rows, 3, 1, length, out);
    double[] rowSum = new double[length];
    kernels.sumRows(rows, new int[] {2, 0, 2}, 1, length, rowSum);
    for (int i = 0; i < length; i++) {
      out[9 + i] = sum[i + 1];
      out[9 + length + i] = rowSum[i];
      out[9 + 2 * length + i] = ranked[i];
      out[9 + 3 * length + i] = ranked[length + i];
    }
    return out;
  }

  /** All kernels for packed codes one after the other on one output. */
  private static float[] codes(CodeKernels kernels, int bits) {
    int groups = 9;
    int group = 32;
    float[] x = values(groups * group);
    float[] minima = new float[groups];
    float[] maxima = new float[groups];
    kernels.ranges(x, 0, groups, group, minima, maxima);
    float[] steps = new float[groups];
    float[] inverse = new float[groups];
    for (int g = 0; g < groups; g++) {
      steps[g] = (maxima[g] - minima[g]) / ((1 << bits) - 1);
      inverse[g] = 1 / steps[g];
    }
    int[] words = new int[Kernels.codeWords(groups * group, bits)];
    kernels.pack(x, 0, groups, group, minima, inverse, words, bits);
    float[] out = new float[groups * group + 97];
    kernels.unpack(words, groups, group, steps, minima, out, 0, bits);
    kernels.add(words, 1, 6, 3, 96, group, steps, 3, out, groups * group, bits);
    out[groups * group + 96] = kernels.dot(words, 2, 64, group, steps, 1, x, 5, bits);
    return out;
  }

  /** All array kernels one after the other on one output, [7 x length]. */
  private static float[] updates(VectorKernels kernels, float[] a, float[] b, int length) {
    float[] out = new float[7 * length];
    kernels.gemmAdd(b, 0, a, 0, out, 0, 7, length, 7, new GemmScratch());
    kernels.gemv(a, 2, b, 0, out, 0, 6, length);
    kernels.axpy(0.7f, a, 3, out, length, length);
    kernels.scale(-1.3f, out, 0, 2 * length);
    kernels.subtractRows(a, 1, b, new int[] {2, 0}, 2, a, length, out, 2 * length);
    return out;
  }

  private static int bits(float x) {
    return Float.floatToRawIntBits(x);
  }

  /** Signed values over eight binades, from a multiplicative hash of the index. */
  private static float[] values(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      int hash = (i + 1) * 0x9E3779B1;
      values[i] = (hash >> 8) * 0x1p-23f * (1 << (hash & 7));
    }
    return values;
  }
}
