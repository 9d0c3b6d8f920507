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
      if (bits(expected.maxAbs(a, 2, length)) != bits(got.maxAbs(a, 2, length))) {
        return Optional.of("maxAbs of " + length);
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
    if (!Arrays.equals(halves(expected.halves()), halves(got.halves()))) {
      return Optional.of("halves");
    }
    for (int bits = 2; bits <= 4; bits++) {
      if (!Arrays.equals(levels(expected, bits), levels(got, bits))) {
        return Optional.of("code book of " + bits + " bits");
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
    float[][] rows = new float[5][];
    for (int row = 0; row < rows.length; row++) {
      rows[row] = values(length + 1 + row);
    }
    long[] sum = new long[length + 1];
    double[] factors = {0x1.8p20, 1, -3, 5, 0x1p10};
    kernels.addFixed(rows[0], 1, 0x1.8p20, sum, 1, length);
    double most = kernels.addFixed(rows, 5, 1, factors, sum, 1, length);
    float[] ranked = new float[2 * length];
    kernels.rank(new RankNetwork(3, 1, 2), rows, 1, length, ranked);
    double[] out = new double[10 + 6 * length];
    out[0] = most;
    double[] gram = new double[9];
    kernels.gramUpper(rows, 3, 1, length, gram);
    System.arraycopy(gram, 0, out, 1, 9);
    double[] rowSum = new double[length];
    kernels.sumRows(rows, new int[] {2, 0, 2}, 1, length, rowSum);
    kernels.addWeighted(rows, new int[] {1, 4, 3, 2, 0}, 5, factors, 1, length, rowSum, 0);
    float[][] means = new float[2][length];
    RowMeans rowMeans = new RowMeans(5, new int[][] {{0, 1, 2, 4}, {3}});
    kernels.means(rowMeans, rows, 1, length, means, 0);
    for (int i = 0; i < length; i++) {
      out[10 + i] = sum[i + 1];
      out[10 + length + i] = rowSum[i];
      out[10 + 2 * length + i] = ranked[i];
      out[10 + 3 * length + i] = ranked[length + i];
      out[10 + 4 * length + i] = means[0][i];
      out[10 + 5 * length + i] = means[1][i];
    }
    return out;
  }

  /** All kernels for packed codes one after the other on one output. */
  private static float[] codes(CodeKernels kernels, int bits) {
    int columns = 64;
    int group = 32;
    float[] x = values(8 * columns);
    float[] side = new float[4 * columns];
    kernels.columnRanges(x, 0, 8, columns, side, side, 0);
    kernels.groupRanges(x, 0, 16, group, side, side);
    for (int c = 0; c < columns; c++) {
      side[columns + c] = x[c] * 0.1f;
      side[2 * columns + c] = 0.4f + c * 0.01f;
    }
    byte[] words = new byte[8 * 4 * columns];
    int row = 4 * columns;
    kernels.packByColumn(x, 0, 4, columns, side, side, 2 * columns, bits, words, 0);
    kernels.packByGroup(x, 3, 4, columns, group, side, side, 2 * columns, bits, words, row);
    kernels.packByColumn(x, 9, 4, columns, side, side, 2 * columns, bits, words, 2 * row);
    kernels.assemble(words, 0, row, words, 3 * row, columns);
    kernels.spread(words, row, words, 4 * row, columns);
    float[] out = new float[32 * columns];
    kernels.unpackByColumn(words, 0, 4, columns, side, side, columns, bits, out, 0);
    kernels.unpackByGroup(words, row, 4, columns, group, side, x, columns, bits, out, 4 * columns);
    kernels.unpackByColumn(words, 4 * row, 4, columns, side, x, 0, bits, out, 8 * columns);
    int at = 12 * columns;
    kernels.factors(x, 3, side, side, columns, columns, out, at, at + columns);
    kernels.dotByColumn(words, 0, 4, columns, columns, at, at + columns, bits, out, 14 * columns);
    System.arraycopy(x, 0, out, 15 * columns, columns);
    kernels.dotByGroup(
        words,
        0,
        4,
        0,
        columns,
        x,
        1,
        group,
        side,
        x,
        columns,
        2,
        15 * columns,
        bits,
        out,
        16 * columns);
    kernels.addByGroup(words, row, 4, 0, columns, group, side, columns, 2, bits, out, at);
    // of a copy: what is left of the partials is nobody's business
    kernels.fold(out.clone(), 18, out, 24 * columns);
    return out;
  }

  /** All kernels for code books one after the other on one output. */
  private static float[] levels(VectorKernels kernels, int bits) {
    LevelKernels levels = kernels.levels();
    int d = 96;
    float[] x = values(10 * d);
    float[] signs = values(d);
    levels.hadamard(x, 3, 2 * d, signs, 32, signs);
    int[] thresholds = {0x3f800000, 0x40000000, 0x40800000};
    CodeBook.Levels book = new CodeBook.Levels(bits, 0.4f, 0.1f, 0.01f, thresholds);
    float[] out = new float[12 * d];
    levels.quantize(x, 5, d, 0.7f, book, out, 0);
    byte[] words = new byte[4 * d];
    for (int i = 0; i < words.length; i++) {
      words[i] = (byte) (i * 77);
    }
    levels.unpack(words, 0, 4, d, book, x, 7, 3, out, 2 * d, d);
    levels.dot(words, 0, 4, d, book, x, 9, out, 6 * d);
    levels.add(words, 0, 4, d, book, x, 11, out, 8 * d);
    System.arraycopy(x, 0, out, 9 * d, 3 * d);
    return out;
  }

  /** All kernels for 16-bit floats, over every exponent. */
  private static float[] halves(HalfKernels kernels) {
    float[] x = values(100);
    for (int i = 0; i < x.length; i++) {
      x[i] *= Float.intBitsToFloat(87 + i % 60 << 23);
    }
    byte[] bytes = new byte[400];
    kernels.encode(x, 1, bytes, 0, 99);
    kernels.encodeBrain(x, 1, bytes, 200, 99);
    float[] out = new float[400];
    kernels.decode(bytes, 0, out, 0, 199);
    kernels.decodeBrain(bytes, 1, out, 199, 199);
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
