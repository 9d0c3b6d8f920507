package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/**
 * Bytes of a payload as an array, without a copy where the buffer has one.
 *
 * @param array not to be modified
 * @param from first of the bytes
 */
record PayloadBytes(byte[] array, int from) {

  /**
   * Takes bytes.
   *
   * @param payload its position moves behind them
   * @throws IllegalArgumentException when fewer are left
   */
  static PayloadBytes take(ByteBuffer payload, int count) {
    if (payload.remaining() < count) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes left, expected " + count);
    }
    int position = payload.position();
    payload.position(position + count);
    if (payload.hasArray()) {
      return new PayloadBytes(payload.array(), payload.arrayOffset() + position);
    }
    byte[] copy = new byte[count];
    payload.get(position, copy);
    return new PayloadBytes(copy, 0);
  }
}
