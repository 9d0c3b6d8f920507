package io.millrace.operator.federated;

/**
 * A codec that is a matrix: packed updates of one seed add up to the packed sum, so that a server
 * sums what arrives, in fixed point and as small as it travels, and unpacks once a version.
 */
interface LinearCodec {
  /** Numbers that a chunk of {@code length} becomes. */
  int packedLength(int length);

  /**
   * Packs a chunk.
   *
   * @param x not modified
   * @param seed shared by all clients of a round
   * @return [packedLength]
   */
  float[] pack(float[] x, long seed);

  /**
   * Unpacks a packed chunk or a sum of packed chunks.
   *
   * @param packed [packedLength(out.length)], not modified
   * @param out overwritten
   * @throws IllegalArgumentException for another number of values
   */
  void unpack(double[] packed, long seed, double[] out);
}
