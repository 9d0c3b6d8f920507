package io.millrace.kernel;

import java.util.Arrays;
import java.util.Optional;

/** Runs two twins over a few awkward shapes and compares bits. Some milliseconds at start. */
final class TwinCheck {
  private static final int[] LENGTHS = {0, 1, 5, 17, 64, 100};

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
    return Optional.empty();
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
