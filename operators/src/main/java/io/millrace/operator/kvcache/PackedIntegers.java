package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/**
 * Unsigned integers of one width, packed without gaps: integer i is at bits i x width and up, the
 * first bit being the lowest of the first byte; the last byte is filled with zeros.
 */
final class PackedIntegers {
  private PackedIntegers() {}

  /** Bits that hold the integers below {@code count}, at least 1. */
  static int width(int count) {
    return Math.max(1, Integer.SIZE - Integer.numberOfLeadingZeros(count - 1));
  }

  static int bytes(int count, int width) {
    return Math.toIntExact(((long) count * width + 7) / 8);
  }

  /**
   * Writes {@link #bytes}.
   *
   * @param integers first {@code count} used, each from 0 to below 2^width
   * @param width 1 to 31
   */
  static void put(ByteBuffer out, int[] integers, int count, int width) {
    long pending = 0;
    int held = 0;
    for (int i = 0; i < count; i++) {
      pending |= (long) integers[i] << held;
      for (held += width; held >= Byte.SIZE; held -= Byte.SIZE) {
        out.put((byte) pending);
        pending >>>= Byte.SIZE;
      }
    }
    if (held > 0) {
      out.put((byte) pending);
    }
  }

  /**
   * Reads what {@link #put} wrote.
   *
   * @throws IllegalArgumentException when the last byte is not filled with zeros
   */
  static void get(ByteBuffer in, int[] integers, int count, int width) {
    long pending = 0;
    int held = 0;
    for (int i = 0; i < count; i++) {
      for (; held < width; held += Byte.SIZE) {
        pending |= (in.get() & 0xffL) << held;
      }
      integers[i] = (int) (pending & (1L << width) - 1);
      pending >>>= width;
      held -= width;
    }
    if (pending != 0) {
      throw new IllegalArgumentException("packed integers end with bits " + pending + ", not 0");
    }
  }
}
