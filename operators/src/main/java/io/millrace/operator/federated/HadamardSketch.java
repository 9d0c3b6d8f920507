package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Subsampled randomised Hadamard transform, sketched and de-sketched (Song, Wang, Yu, Zhang,
 * Sketching for first order method, 2022, arXiv 2210.08371): random signs, the Hadamard transform
 * of the chunk padded to a power of two n, and one of each of s runs of its values, scaled so that
 * de-sketching by the transpose is the identity in the mean. Unbiased, variance about (n/s - 1)
 * |x|^2; a step slows down by n/s.
 *
 * <p>4 s bytes. O(n log n) to pack, and once a version to unpack.
 *
 * @param kept s, at least 1; all of a shorter chunk
 */
record HadamardSketch(int kept) implements LinearCodec {
  private static final int SIGNS = 0;
  private static final int CHOICES = 1;

  HadamardSketch {
    SettingCheck.range("values kept", kept, 1, 1 << 28);
  }

  @Override
  public int packedLength(int length) {
    return Math.min(kept, padded(length));
  }

  @Override
  public float[] pack(float[] x, long seed) {
    int n = padded(x.length);
    double[] values = new double[n];
    long signs = SeededBits.seed(seed, SIGNS);
    for (int i = 0; i < x.length; i++) {
      values[i] = sign(signs, i) * x[i];
    }
    transform(values);
    int s = packedLength(x.length);
    long choices = SeededBits.seed(seed, CHOICES);
    float[] packed = new float[s];
    for (int run = 0; run < s; run++) {
      packed[run] =
          (float) (values[chosen(choices, run, s, n)] * Math.sqrt((double) size(run, s, n)));
    }
    return packed;
  }

  @Override
  public void unpack(double[] packed, long seed, double[] out) {
    int n = padded(out.length);
    int s = packedLength(out.length);
    if (packed.length != s) {
      throw new IllegalArgumentException(
          "packed update has " + packed.length + " values, expected " + s);
    }
    double[] values = new double[n];
    long choices = SeededBits.seed(seed, CHOICES);
    for (int run = 0; run < s; run++) {
      values[chosen(choices, run, s, n)] = packed[run] * Math.sqrt((double) size(run, s, n));
    }
    transform(values);
    long signs = SeededBits.seed(seed, SIGNS);
    for (int i = 0; i < out.length; i++) {
      out[i] = sign(signs, i) * values[i];
    }
  }

  /** The orthonormal Walsh-Hadamard transform in place: its own inverse. */
  private static void transform(double[] values) {
    int n = values.length;
    for (int half = 1; half < n; half *= 2) {
      for (int start = 0; start < n; start += 2 * half) {
        for (int i = start; i < start + half; i++) {
          double a = values[i];
          double b = values[i + half];
          values[i] = a + b;
          values[i + half] = a - b;
        }
      }
    }
    double scale = 1 / Math.sqrt((double) n);
    Arrays.setAll(values, i -> values[i] * scale);
  }

  private static int padded(int length) {
    return length <= 1 ? 1 : Integer.highestOneBit(length - 1) << 1;
  }

  private static int chosen(long seed, int run, int s, int n) {
    return border(run, s, n) + SeededBits.below(seed, run, size(run, s, n));
  }

  private static int size(int run, int s, int n) {
    return border(run + 1, s, n) - border(run, s, n);
  }

  private static int border(int run, int s, int n) {
    return (int) ((long) run * n / s);
  }

  private static double sign(long seed, int i) {
    return (SeededBits.at(seed, i) & 1) == 0 ? 1 : -1;
  }
}
