package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/** Reads what {@link BitWriter} wrote; the caller has checked that the bytes are there. */
final class BitReader {
  private final ByteBuffer buffer;
  private long pending;
  private int bits;

  BitReader(ByteBuffer buffer) {
    this.buffer = buffer;
  }

  /** The next number of {@code width} bits, 1 to 31. */
  int get(int width) {
    while (bits < width) {
      pending |= (buffer.get() & 255L) << bits;
      bits += 8;
    }
    int value = (int) (pending & (1L << width) - 1);
    pending >>>= width;
    bits -= width;
    return value;
  }

  /**
   * @throws IllegalArgumentException when bits that fill up the last byte are not zero
   */
  void finish() {
    if (pending != 0) {
      throw new IllegalArgumentException("payload has bits behind its last number");
    }
  }
}
