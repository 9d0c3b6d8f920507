package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/** Writes numbers of a few bits one after the other, lowest bits first. One thread. */
final class BitWriter {
  private final ByteBuffer buffer;
  private long pending;
  private int bits;

  BitWriter(ByteBuffer buffer) {
    this.buffer = buffer;
  }

  /** Bytes of so many numbers. */
  static long bytes(long count, int width) {
    return (count * width + 7) / 8;
  }

  /** Writes the low {@code width} bits, 1 to 32. */
  void put(int value, int width) {
    pending |= (value & (1L << width) - 1) << bits;
    bits += width;
    while (bits >= 8) {
      buffer.put((byte) pending);
      pending >>>= 8;
      bits -= 8;
    }
  }

  /** Writes what is left, filled up with zeros. */
  void finish() {
    if (bits > 0) {
      buffer.put((byte) pending);
      pending = 0;
      bits = 0;
    }
  }
}
