package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/**
 * A mask that is left in the sum of the survivors' updates, as {@code RoundFreeze.reveals} carries
 * it: 1 byte kind, 32 bytes seed.
 *
 * @param seed [32], not modified
 */
record LeftMask(Kind kind, byte[] seed) {
  private static final int BYTES = 1 + MaskStream.SEED_BYTES;

  /** Where it comes from. */
  enum Kind {
    /** A survivor's own seed, which it added. */
    OWN(1),
    /** A pair's, of which the one who added it survives. */
    ADDED(2),
    /** A pair's, of which the one who subtracted it survives. */
    SUBTRACTED(3);

    private final byte id;

    Kind(int id) {
      this.id = (byte) id;
    }
  }

  ByteBuffer encode() {
    return ByteBuffer.allocate(BYTES).put(kind.id).put(seed).flip();
  }

  /**
   * @param bytes position and limit are as before afterwards
   * @throws IllegalArgumentException for what {@link #encode} cannot have written
   */
  static LeftMask decode(ByteBuffer bytes) {
    if (bytes.remaining() != BYTES) {
      throw new IllegalArgumentException(
          "mask has " + bytes.remaining() + " bytes, expected " + BYTES);
    }
    byte[] seed = new byte[MaskStream.SEED_BYTES];
    bytes.duplicate().position(bytes.position() + 1).get(seed);
    byte id = bytes.get(bytes.position());
    for (Kind kind : Kind.values()) {
      if (kind.id == id) {
        return new LeftMask(kind, seed);
      }
    }
    throw new IllegalArgumentException("kind of a mask is " + id + ", expected 1 to 3");
  }
}
