package io.millrace.operator.kvcache;

import java.util.Arrays;

/**
 * The 8-bit format E4M3 (Micikevicius et al., 2022, arXiv 2209.05433): sign, 4 bits of exponent
 * biased by 7, 3 bits of mantissa, no infinities, and one not-a-number for each sign.
 */
final class Float8 {
  /** The largest finite value. */
  static final float LARGEST = 448f;

  private static final int NOT_A_NUMBER = 0x7f;
  private static final float[] MAGNITUDES = magnitudes();

  private Float8() {}

  /** The nearest value, the even code of two; what is beyond {@link #LARGEST} becomes that. */
  static byte encode(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
    float magnitude = Math.abs(value);
    int found = Arrays.binarySearch(MAGNITUDES, magnitude);
    int above = found >= 0 ? found : -found - 1;
    if (found >= 0 || above == 0) {
      return (byte) (sign | above);
    }
    if (above == MAGNITUDES.length) {
      return (byte) (sign | above - 1);
    }
    float down = magnitude - MAGNITUDES[above - 1];
    float up = MAGNITUDES[above] - magnitude;
    boolean lower = down < up || down == up && above % 2 == 1;
    return (byte) (sign | (lower ? above - 1 : above));
  }

  /**
   * @throws IllegalArgumentException for not-a-number
   */
  static float decode(byte code) {
    int magnitude = code & NOT_A_NUMBER;
    if (magnitude == NOT_A_NUMBER) {
      throw new IllegalArgumentException("page has " + code + ", expected a number in E4M3");
    }
    return code < 0 ? -MAGNITUDES[magnitude] : MAGNITUDES[magnitude];
  }

  private static float[] magnitudes() {
    float[] magnitudes = new float[NOT_A_NUMBER];
    for (int code = 0; code < NOT_A_NUMBER; code++) {
      int exponent = code >>> 3;
      int mantissa = code & 7;
      magnitudes[code] =
          exponent == 0 ? Math.scalb(mantissa, -9) : Math.scalb(8f + mantissa, exponent - 10);
    }
    return magnitudes;
  }
}
