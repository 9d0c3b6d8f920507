package io.millrace.operator.kvcache;

import io.millrace.kernel.Halves;
import java.nio.ByteBuffer;

/** IEEE 754 half precision and bfloat16, rounded to nearest, halves to even. */
final class Float16 {
  /** The largest finite half. */
  static final float LARGEST = Halves.LARGEST;

  private Float16() {}

  /** The value of a half; infinities and NaN as floats have them. */
  static float decode(short half) {
    return Halves.decode(half);
  }

  /** The half nearest to a finite value; what is beyond {@link #LARGEST} becomes that. */
  static short encode(float value) {
    return Halves.encode(value);
  }

  /** The bfloat16 nearest to a finite value; what is beyond its largest becomes that. */
  static short encodeBrain(float value) {
    return Halves.encodeBrain(value);
  }

  static float decodeBrain(short brain) {
    return Halves.decodeBrain(brain);
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
}
