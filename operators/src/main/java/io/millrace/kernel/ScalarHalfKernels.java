package io.millrace.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The twin in plain Java. */
final class ScalarHalfKernels implements HalfKernels {
  private static final VarHandle SHORTS =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  @Override
  public void encode(float[] values, int from, byte[] out, int outFrom, int count) {
    for (int i = 0; i < count; i++) {
      SHORTS.set(out, outFrom + Short.BYTES * i, encode(values[from + i]));
    }
  }

  @Override
  public void decode(byte[] in, int inFrom, float[] values, int from, int count) {
    for (int i = 0; i < count; i++) {
      values[from + i] = decode((short) SHORTS.get(in, inFrom + Short.BYTES * i));
    }
  }

  @Override
  public void encodeBrain(float[] values, int from, byte[] out, int outFrom, int count) {
    for (int i = 0; i < count; i++) {
      SHORTS.set(out, outFrom + Short.BYTES * i, encodeBrain(values[from + i]));
    }
  }

  @Override
  public void decodeBrain(byte[] in, int inFrom, float[] values, int from, int count) {
    for (int i = 0; i < count; i++) {
      int brain = (short) SHORTS.get(in, inFrom + Short.BYTES * i);
      values[from + i] = Float.intBitsToFloat(brain << 16);
    }
  }

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

  static float decode(short half) {
    int magnitude = (half & 0x7fff) << 13;
    int sign = (half & 0x8000) << 16;
    if (magnitude < 0x00800000) {
      // exponent 0: with one of 2^-14 in front, which is then taken away
      float value = Float.intBitsToFloat(magnitude + 0x38800000) - 0x1p-14f;
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(value));
    }
    int exponent = magnitude >= 0x0f800000 ? 0x70000000 : 0x38000000;
    return Float.intBitsToFloat(sign | magnitude + exponent);
  }

  static short encodeBrain(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1);
    boolean overflows = (rounded & 0x7f800000) == 0x7f800000;
    return (short) (overflows ? bits >>> 16 & 0x8000 | 0x7f7f : rounded >>> 16);
  }
}
