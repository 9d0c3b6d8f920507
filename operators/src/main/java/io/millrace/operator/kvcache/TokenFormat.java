package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

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
}
