package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/** IEEE 754 half precision and bfloat16, rounded to nearest, halves to even. */
final class Float16 {
  /** The largest finite half. */
  static final float LARGEST = 65504f;

  private static final float[] VALUES = values();

  private Float16() {}

  /** The value of a half; infinities and NaN as floats have them. */
  static float decode(short half) {
    return VALUES[half & 0xffff];
  }

  /** The half nearest to a finite value; what is beyond {@link #LARGEST} becomes that. */
  static short encode(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x477fe000) {
      return (short) (sign | 0x7bff);
    }
    if (magnitude < 0x38800000) {
      // below 2^-14 halves are multiples of 2^-24: adding 0.5 rounds to one
      float rounded = Float.intBitsToFloat(magnitude) + 0.5f;
      return (short) (sign | Float.floatToRawIntBits(rounded) - 0x3f000000);
    }
    int odd = magnitude >>> 13 & 1;
    return (short) (sign | magnitude - 0x38000000 + 0xfff + odd >>> 13);
  }

  /** The bfloat16 nearest to a finite value; what is beyond its largest becomes that. */
  static short encodeBrain(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1);
    boolean overflows = (rounded & 0x7f800000) == 0x7f800000;
    return (short) (overflows ? bits >>> 16 & 0x8000 | 0x7f7f : rounded >>> 16);
  }

  static float decodeBrain(short brain) {
    return Float.intBitsToFloat(brain << 16);
  }

  /** Rounds to halves, writes them, and leaves the rounded values in place. */
  static void put(ByteBuffer out, float[] values, int count) {
    for (int i = 0; i < count; i++) {
      short half = encode(values[i]);
      values[i] = decode(half);
      out.putShort(half);
    }
  }

  /**
   * Reads {@code count} halves.
   *
   * @throws IllegalArgumentException for one that is not finite, which no writer makes
   */
  static void get(ByteBuffer in, float[] values, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = decode(in.getShort());
      if (!Float.isFinite(values[i])) {
        throw new IllegalArgumentException("page has " + values[i] + ", expected a finite half");
      }
    }
  }

  private static float[] values() {
    float[] values = new float[1 << 16];
    for (int half = 0; half < values.length; half++) {
      int exponent = half >>> 10 & 31;
      int mantissa = half & 1023;
      float magnitude =
          switch (exponent) {
            case 0 -> mantissa * 0x1p-24f;
            case 31 -> mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
            default -> Math.scalb(1024 + mantissa, exponent - 25);
          };
      values[half] = half >>> 15 == 0 ? magnitude : -magnitude;
    }
    return values;
  }
}
