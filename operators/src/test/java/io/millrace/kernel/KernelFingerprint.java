package io.millrace.kernel;

import java.util.Random;

/**
 * One number over the bits of every kernel on many shapes. As a program: prints it, and the twin.
 */
final class KernelFingerprint {
  /** Changes only when the definition of a kernel's bits does, which breaks every stored state. */
  static final long EXPECTED = 0xb65c5f8fb021cacL;

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

  private void add(float value) {
    hash = (hash ^ Float.floatToRawIntBits(value)) * 0x100000001b3L;
  }
}
