package io.millrace.kernel;

/**
 * Floats in 16 bits, little-endian in bytes: IEEE 754 half precision, and bfloat16, the upper half
 * of a float. Rounded to nearest, halves to even; what is beyond the largest finite value becomes
 * that. Stateless: any number of threads.
 */
public final class Halves {
  /** The largest finite half. */
  public static final float LARGEST = 65504f;

  private static final HalfKernels KERNELS = Kernels.halves();

  private Halves() {}

  /** The half nearest to a finite value. */
  public static short encode(float value) {
    return ScalarHalfKernels.encode(value);
  }

  /** The value of a half; infinities and NaN as floats have them. */
  public static float decode(short half) {
    return ScalarHalfKernels.decode(half);
  }

  /** The bfloat16 nearest to a finite value. */
  public static short encodeBrain(float value) {
    return ScalarHalfKernels.encodeBrain(value);
  }

  /** The value of a bfloat16. */
  public static float decodeBrain(short brain) {
    return Float.intBitsToFloat(brain << 16);
  }

  /**
   * Writes halves.
   *
   * @param values [count] from {@code from}, finite; not modified
   * @param out 2 {@code count} bytes from {@code outFrom}, overwritten
   */
  public static void encode(float[] values, int from, byte[] out, int outFrom, int count) {
    KERNELS.encode(values, from, out, outFrom, count);
  }

  /**
   * Reads halves; infinities and NaN as floats have them.
   *
   * @param in 2 {@code count} bytes from {@code inFrom}
   * @param values [count] from {@code from}, overwritten
   */
  public static void decode(byte[] in, int inFrom, float[] values, int from, int count) {
    KERNELS.decode(in, inFrom, values, from, count);
  }

  /** Writes bfloat16, as {@link #encode(float[], int, byte[], int, int)}. */
  public static void encodeBrain(float[] values, int from, byte[] out, int outFrom, int count) {
    KERNELS.encodeBrain(values, from, out, outFrom, count);
  }

  /** Reads bfloat16. */
  public static void decodeBrain(byte[] in, int inFrom, float[] values, int from, int count) {
    KERNELS.decodeBrain(in, inFrom, values, from, count);
  }
}
