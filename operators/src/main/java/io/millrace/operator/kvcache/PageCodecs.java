package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/** Numbers of the codecs on the wire. Never reused. */
final class PageCodecs {
  static final byte EXACT_FLOAT32 = 1;
  static final byte EXACT_FLOAT16 = 2;
  static final byte EXACT_BFLOAT16 = 3;
  static final byte ROUND_TO_NEAREST = 4;
  static final byte KIVI = 5;
  static final byte ROTATED_CODEBOOK = 6;
  static final byte BLOCK_FLOAT = 7;
  static final byte LEARNED_TRANSFORM = 8;

  private PageCodecs() {}

  /**
   * Checks that a payload was read to its end.
   *
   * @throws IllegalArgumentException with the number of bytes left over
   */
  static void requireEnd(ByteBuffer payload) {
    if (payload.hasRemaining()) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes left over, expected none");
    }
  }
}
