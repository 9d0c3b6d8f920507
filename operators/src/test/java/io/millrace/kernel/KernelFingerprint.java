package io.millrace.kernel;

import java.util.Arrays;
import java.util.Random;

/**
 * One number over the bits of every kernel on many shapes. As a program: prints it, and the twin.
 */
final class KernelFingerprint {
  /** Changes only when the definition of a kernel's bits does, which breaks every stored state. */
  static final long EXPECTED = 0x143478e6dddc06d8L;

  private static final int[] LENGTHS = {0, 1, 3, 4, 7, 16, 17, 63, 64, 65, 127, 192, 257, 1000};
  private static final int[][] SHAPES = {
    {1, 5, 3}, {7, 33, 17}, {13, 64, 70}, {64, 96, 64}, {3, 530, 300}
  };

  private final Random random = new Random(7);
  private long hash = 0xcbf29ce484222325L;

  private KernelFingerprint() {}

  /**
   * @param arguments how often to compute: enough passes reach compiled code
   */
  public static void main(String[] arguments) {
    int passes = Integer.parseInt(arguments[0]);
    long first = compute();
    for (int pass = 1; pass < passes; pass++) {
      long again = compute();
      if (again != first) {
        throw new IllegalStateException(
            "pass "
                + pass
                + ": got "
                + Long.toHexString(again)
                + ", expected "
                + Long.toHexString(first));
      }
    }
    System.out.println(Kernels.provider() + " " + Long.toHexString(first) + " " + Kernels.reason());
  }

  static long compute() {
    KernelFingerprint fingerprint = new KernelFingerprint();
    for (int length : LENGTHS) {
      fingerprint.vectors(length);
    }
    for (int[] shape : SHAPES) {
      fingerprint.matrices(shape[0], shape[1], shape[2]);
    }
    for (int bits : new int[] {2, 3, 4, 8}) {
      fingerprint.codes(bits, 64, 96);
      fingerprint.codes(bits, 45, 48);
    }
    for (int bits : new int[] {2, 3, 4}) {
      fingerprint.levels(bits, 64, 2, 64);
      fingerprint.levels(bits, 33, 3, 24);
    }
    fingerprint.halves(1000);
    fingerprint.columns(3, 70);
    fingerprint.columns(21, 128);
    fingerprint.columns(64, 128);
    fingerprint.columns(6, 700);
    return fingerprint.hash;
  }

  private void vectors(int length) {
    float[] a = values(length + 5);
    float[] b = values(length + 5);
    add(Kernels.dot(a, 1, b, 4, length));
    add(Kernels.argmaxAbs(a, 2, length));
    Kernels.axpy(0.37f, a, 2, b, 3, length);
    Kernels.scale(-1.7f, a, 5, length);
    add(a);
    add(b);
  }

  private void matrices(int m, int n, int k) {
    float[] a = values(m * k);
    float[] b = values(k * n + 1);
    float[] c = values(m * n);
    GemmScratch scratch = new GemmScratch();
    Kernels.gemmAdd(a, 0, b, 1, c, 0, m, n, k, scratch);
    add(c);
    Kernels.gemm(a, 0, b, 1, c, 0, m, n, k, scratch);
    add(c);
    float[] y = new float[n];
    Kernels.gemv(b, 1, a, 0, y, 0, k, n);
    add(y);
    Kernels.subtractRows(y, 0, a, new int[] {k - 1, 0, k / 2}, 3, b, n, y, 0);
    add(y);
    Kernels.transpose(c, 0, b = new float[m * n], 0, m, n);
    add(b);
  }

  private void codes(int bits, int rows, int columns) {
    float[] x = values(rows * columns + 1);
    int groups = rows * columns / 16;
    float[] minima = new float[groups];
    float[] maxima = new float[groups];
    ColumnCodes.groupRanges(x, 1, groups, 16, minima, maxima);
    add(minima);
    add(maxima);
    float[] steps = new float[groups];
    float[] inverse = new float[groups];
    for (int g = 0; g < groups; g++) {
      steps[g] = (maxima[g] - minima[g]) / ((1 << bits) - 1);
      inverse[g] = 1 / steps[g];
    }
    byte[] bytes = new byte[ColumnCodes.bytes(rows, columns, bits)];
    ColumnCodes codes = new ColumnCodes(bytes, 0, rows, columns, bits);
    codes.packByGroup(x, 1, 16, minima, inverse);
    add(bytes);
    ColumnCodes.place(steps, rows, columns / 16, bits);
    float[] out = new float[rows * columns];
    codes.unpackByGroup(16, steps, minima, out, 0);
    add(out);
    codes.dotByGroup(16, columns - 16, x, 3, 16, steps, minima, out, 0);
    codes.dotByGroup(8, 8, x, 3, 16, steps, minima, out, rows);
    codes.addByGroup(16, columns - 16, x, 5, 16, steps, minima, out, 2 * rows);
    add(out);
    ColumnCodes.columnRanges(x, 0, rows, columns, minima, maxima, 0);
    add(minima);
    codes.packByColumn(0, rows, x, 0, minima, inverse, 0);
    add(bytes);
    codes.unpackByColumn(0, rows, steps, minima, 0, out, 0);
    add(out);
    codes.dotByColumn(0, columns, x, 2, rows, steps, minima, out, 0);
    codes.dotByColumn(4, columns - 4, x, 2, rows, steps, minima, out, rows);
    add(out);
  }

  private void levels(int bits, int rows, int heads, int d) {
    int columns = heads * d;
    float[] x = values(rows * columns);
    float[] signs = values(columns);
    CodeBook.hadamard(x, 0, x.length, signs, Integer.lowestOneBit(d), signs);
    add(x);
    CodeBook book = new CodeBook(bits, 0.3f, 0.02f, 0.001f);
    float[] factors = values(rows * heads);
    float[] sums = new float[2 * rows * heads];
    book.quantize(x, 0, rows * heads, d, factors, sums);
    add(x);
    add(sums);
    byte[] bytes = new byte[ColumnCodes.bytes(rows, columns, bits)];
    ColumnCodes codes = new ColumnCodes(bytes, 0, rows, columns, bits);
    float[] ones = new float[columns];
    Arrays.fill(ones, 1f);
    codes.packByColumn(0, rows, x, 0, new float[columns], ones, 0);
    add(bytes);
    book.unpack(codes, d, factors, x, 0);
    add(x);
    book.dot(codes, d, d, signs, 1, x, 0);
    book.add(codes, d, d, factors, x, rows);
    add(x);
  }

  private void halves(int length) {
    float[] x = values(length);
    byte[] bytes = new byte[4 * length];
    Halves.encode(x, 0, bytes, 0, length);
    Halves.encodeBrain(x, 0, bytes, 2 * length, length);
    add(bytes);
    Halves.decode(bytes, 2 * length, x, 0, length);
    add(x);
    Halves.decodeBrain(bytes, 0, x, 0, length);
    add(x);
  }

  private void columns(int count, int length) {
    float[][] rows = new float[count][];
    double[] factors = new double[count];
    int[] members = new int[count];
    for (int row = 0; row < count; row++) {
      rows[row] = values(length + 2);
      factors[row] = (row + 1) * 0x1p20;
      members[row] = (row * 5 + 2) % count;
    }
    long[] sum = new long[length];
    add(Kernels.addFixed(rows, count, 2, factors, sum, 0, length));
    Kernels.addFixed(rows[0], 1, 3, sum, 0, length);
    double[] out = new double[length];
    Kernels.addWeighted(rows, members, count, factors, 1, length, out, 0);
    add(out);
    Kernels.sumRows(rows, members, 0, length, out);
    add(out);
    int columns = Math.min(length, 128);
    Kernels.rankMean(new RankNetwork(count, count / 3, count / 2), rows, 1, columns, out, 0);
    add(out);
    for (int i = 0; i < length; i++) {
      out[i] = sum[i];
    }
    add(out);
    float[] ranked = new float[columns * count];
    Kernels.rank(new RankNetwork(count, 0, count), rows, 1, columns, ranked);
    add(ranked);
    double[] gram = new double[count * count];
    Kernels.gramAdd(rows, count, 1, length, gram);
    add(gram);
    float[][] means = new float[2][length];
    int[][] groups = {Arrays.copyOf(members, count / 2), {count - 1}};
    Kernels.means(new RowMeans(count, groups), rows, 2, length, means, 0);
    add(means[0]);
    add(means[1]);
  }

  /** Normal values over 24 binades, some exact zeros of both signs. */
  private float[] values(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      float scale = Math.scalb(1f, random.nextInt(24) - 12);
      values[i] = random.nextInt(10) == 0 ? -0f * scale : (float) random.nextGaussian() * scale;
    }
    return values;
  }

  private void add(float[] values) {
    for (float value : values) {
      add(value);
    }
  }

  private void add(double[] values) {
    for (double value : values) {
      hash = (hash ^ Double.doubleToRawLongBits(value)) * 0x100000001b3L;
    }
  }

  private void add(byte[] values) {
    for (byte value : values) {
      hash = (hash ^ value) * 0x100000001b3L;
    }
  }

  private void add(float value) {
    hash = (hash ^ Float.floatToRawIntBits(value)) * 0x100000001b3L;
  }
}
