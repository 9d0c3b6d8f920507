package io.millrace.operator.kvcache;

import io.millrace.kernel.Halves;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** How values are held and sent, little-endian. */
public enum TokenFormat {
  /** IEEE 754 half. */
  FLOAT16(2),
  /** The upper half of a float. */
  BFLOAT16(2),
  /** As it is. */
  FLOAT32(4);

  /** Squares of larger values, summed over a page, would come near a float's overflow. */
  static final float LARGEST = 1e15f;

  private final int bytes;

  TokenFormat(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of a value. */
  public int bytes() {
    return bytes;
  }

  /** Reads the next value. */
  float get(ByteBuffer in) {
    return switch (this) {
      case FLOAT16 -> Float16.decode(in.getShort());
      case BFLOAT16 -> Float16.decodeBrain(in.getShort());
      case FLOAT32 -> in.getFloat();
    };
  }

  /**
   * Reads values in bulk.
   *
   * @param in little-endian; its position moves
   */
  void get(ByteBuffer in, float[] values, int count) {
    switch (this) {
      case FLOAT16 -> Float16.get(in, values, count);
      case BFLOAT16 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Float16.decodeBrain(in.getShort());
        }
      }
      case FLOAT32 -> {
        in.asFloatBuffer().get(values, 0, count);
        in.position(in.position() + count * Float.BYTES);
      }
    }
  }

  /**
   * The first value that is not finite or beyond {@link #LARGEST}; -1 if all are fit.
   *
   * @param in little-endian, by absolute offsets
   * @param from offset of the first value
   * @param length in bytes, a multiple of a value's
   */
  int firstUnfit(ByteBuffer in, int from, int length) {
    // without the sign, magnitudes are ordered as their bits: what is above the bound carries into
    // the sign's place when the rest to the largest number is added, in all lanes of a long at once
    int bound = this == FLOAT16 ? 0x7bff : Float.floatToRawIntBits(LARGEST);
    long lanes = this == FLOAT32 ? 0x0000000100000001L : 0x0001000100010001L;
    long largest = this == FLOAT32 ? 0x7fffffffL : 0x7fffL;
    long rest = lanes * (largest - (this == BFLOAT16 ? bound >>> 16 : bound));
    int whole = length & -Long.BYTES;
    for (int i = 0; i < whole; i += Long.BYTES) {
      long magnitudes = in.getLong(from + i) & lanes * largest;
      if ((magnitudes + rest & lanes * (largest + 1)) != 0) {
        return firstUnfitOne(in, from, i, length);
      }
    }
    return firstUnfitOne(in, from, whole, length);
  }

  private int firstUnfitOne(ByteBuffer in, int from, int start, int length) {
    for (int i = start; i < length; i += bytes) {
      float value =
          switch (this) {
            case FLOAT16 -> Float16.decode(in.getShort(from + i));
            case BFLOAT16 -> Float16.decodeBrain(in.getShort(from + i));
            case FLOAT32 -> in.getFloat(from + i);
          };
      if (!(Math.abs(value) <= LARGEST)) {
        return i / bytes;
      }
    }
    return -1;
  }

  /** Writes a value, rounded to nearest. */
  void put(ByteBuffer out, float value) {
    switch (this) {
      case FLOAT16 -> out.putShort(Float16.encode(value));
      case BFLOAT16 -> out.putShort(Float16.encodeBrain(value));
      case FLOAT32 -> out.putFloat(value);
    }
  }

  /** Reads {@code count} values from bytes. */
  void get(byte[] in, int inFrom, float[] values, int from, int count) {
    switch (this) {
      case FLOAT16 -> Halves.decode(in, inFrom, values, from, count);
      case BFLOAT16 -> Halves.decodeBrain(in, inFrom, values, from, count);
      case FLOAT32 -> floats(in, inFrom, count).get(values, from, count);
    }
  }

  /** Writes {@code count} values to bytes, rounded to nearest. */
  void put(float[] values, int from, byte[] out, int outFrom, int count) {
    switch (this) {
      case FLOAT16 -> Halves.encode(values, from, out, outFrom, count);
      case BFLOAT16 -> Halves.encodeBrain(values, from, out, outFrom, count);
      case FLOAT32 -> floats(out, outFrom, count).put(values, from, count);
    }
  }

  private static FloatBuffer floats(byte[] bytes, int from, int count) {
    return ByteBuffer.wrap(bytes, from, Float.BYTES * count)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer();
  }
}
