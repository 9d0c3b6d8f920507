package io.millrace.operator.federated;

import java.util.Arrays;

/**
 * Updates of a fixed set of coordinates: what on-device training of a few layers, or of adapters,
 * sends. The set is published once under an id; packed updates of one mask add up, and unpacked
 * ones leave the other coordinates alone. Sums over clients of different masks are divided by each
 * coordinate's own weight, or coordinates that few touch would shrink: {@link #addWeight}.
 *
 * <p>4 bytes a coordinate of the mask. The seed is not used.
 */
final class FixedMask implements LinearCodec {
  private final int length;
  private final int[] coordinates;

  /**
   * @param length of the chunk
   * @param coordinates rising, from 0 below {@code length}
   * @throws IllegalArgumentException for others
   */
  FixedMask(int length, int[] coordinates) {
    int before = -1;
    for (int coordinate : coordinates) {
      if (coordinate <= before || coordinate >= length) {
        throw new IllegalArgumentException(
            "mask has coordinate " + coordinate + " after " + before + ", chunk of " + length);
      }
      before = coordinate;
    }
    this.length = length;
    this.coordinates = coordinates.clone();
  }

  @Override
  public int packedLength(int chunkLength) {
    check(chunkLength);
    return coordinates.length;
  }

  @Override
  public float[] pack(float[] x, long seed) {
    check(x.length);
    float[] packed = new float[coordinates.length];
    for (int i = 0; i < packed.length; i++) {
      packed[i] = x[coordinates[i]];
    }
    return packed;
  }

  @Override
  public void unpack(double[] packed, long seed, double[] out) {
    check(out.length);
    if (packed.length != coordinates.length) {
      throw new IllegalArgumentException(
          "masked update has " + packed.length + " values, expected " + coordinates.length);
    }
    Arrays.fill(out, 0);
    for (int i = 0; i < packed.length; i++) {
      out[coordinates[i]] = packed[i];
    }
  }

  /**
   * Adds a client's weight where its mask reaches.
   *
   * @param weights [length], modified
   */
  void addWeight(long[] weights, long weight) {
    for (int coordinate : coordinates) {
      weights[coordinate] += weight;
    }
  }

  private void check(int chunkLength) {
    if (chunkLength != length) {
      throw new IllegalArgumentException(
          "chunk has " + chunkLength + " coordinates, the mask is for " + length);
    }
  }
}
