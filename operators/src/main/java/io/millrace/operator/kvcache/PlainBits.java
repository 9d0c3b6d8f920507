package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/** Low bits of whole numbers side by side, lowest first; each row begins at a byte. */
final class PlainBits {
  private PlainBits() {}

  /** Bytes of a row. */
  static int bytes(int count, int bits) {
    return (count * bits + 7) / 8;
  }

  /**
   * Appends the low bits of a row.
   *
   * @param bits of each number, 0 to 24
   */
  static void put(ByteBuffer out, int[] numbers, int from, int count, int bits) {
    int waiting = 0;
    int held = 0;
    for (int i = from; i < from + count; i++) {
      waiting |= (numbers[i] & (1 << bits) - 1) << held;
      held += bits;
      while (held >= 8) {
        out.put((byte) waiting);
        waiting >>>= 8;
        held -= 8;
      }
    }
    if (held > 0) {
      out.put((byte) waiting);
    }
  }

  /**
   * Reads a row.
   *
   * @param numbers overwritten from {@code from}
   * @throws IllegalArgumentException when bytes are missing, or what fills up the last is not zero
   */
  static void get(ByteBuffer in, int[] numbers, int from, int count, int bits) {
    if (in.remaining() < bytes(count, bits)) {
      throw new IllegalArgumentException(
          "page has " + in.remaining() + " bytes left, expected " + bytes(count, bits));
    }
    int waiting = 0;
    int held = 0;
    for (int i = from; i < from + count; i++) {
      while (held < bits) {
        waiting |= (in.get() & 0xff) << held;
        held += 8;
      }
      numbers[i] = waiting & (1 << bits) - 1;
      waiting >>>= bits;
      held -= bits;
    }
    if (waiting != 0) {
      throw new IllegalArgumentException("page has bits behind a row's end");
    }
  }
}
