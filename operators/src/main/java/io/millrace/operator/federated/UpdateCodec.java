package io.millrace.operator.federated;

/**
 * Packs one chunk of an update into the bytes that travel. Stateless: the memory that makes up for
 * a lossy codec belongs to the client.
 *
 * <p>A payload comes from a stranger: bounds are checked before memory is taken, and every damaged
 * one is refused.
 */
public interface UpdateCodec {
  /**
   * Packs a chunk.
   *
   * @param x finite, not modified
   * @param seed of the choices a random codec makes; codecs that say so need the same to unpack
   * @throws IllegalArgumentException for values that are not finite
   */
  byte[] encode(float[] x, long seed);

  /**
   * Unpacks a chunk.
   *
   * @param length of the chunk
   * @return [length], finite
   * @throws IllegalArgumentException for bytes that {@link #encode} cannot have written for a chunk
   *     of this length
   */
  float[] decode(byte[] payload, int length, long seed);
}
