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
