package io.millrace.operator.federated;

import io.millrace.schema.UpdateTask;

/**
 * A chunk as it travels, and as the server will unpack it.
 *
 * @param payload bytes; not to be modified
 * @param unpacked numbers; not to be modified
 */
public record PackedChunk(byte[] payload, float[] unpacked) {
  private static final int SECOND = FederatedKeys.MOST_CHUNKS;

  /**
   * Packs a chunk of an update.
   *
   * @param codec name of an update codec
   * @param values finite, not modified
   * @throws IllegalArgumentException for an unknown codec, or values that it does not take
   */
  public static PackedChunk update(UpdateTask task, int chunk, String codec, float[] values) {
    return pack(task, chunk, codec, values);
  }

  /** Packs what travels beside it, with roundings of its own. */
  public static PackedChunk second(UpdateTask task, int chunk, String codec, float[] values) {
    return pack(task, SECOND + chunk, codec, values);
  }

  /**
   * Packs what {@link ServerKronecker} takes beside an update: not to be lost in a codec.
   *
   * @param means finite, not modified
   */
  public static PackedChunk layerMeans(float[] means) {
    return new PackedChunk(new PlainCodec().encode(means, 0), means);
  }

  /**
   * Unpacks either.
   *
   * @throws IllegalArgumentException for an unknown codec or a damaged payload
   */
  public static float[] unpack(UpdateTask task, String codec, byte[] payload, int length) {
    return UpdateCodecs.named(codec).decode(payload, length, TaskSeeds.unpack(task));
  }

  /** Squared length of unpacked numbers, as the server's gate sums it. */
  public static double squaredNorm(float[] unpacked) {
    return NormGate.squaredNorm(unpacked, 0, unpacked.length);
  }

  private static PackedChunk pack(UpdateTask task, int draw, String codec, float[] values) {
    boolean linear = UpdateCodecs.linear(codec).isPresent();
    long seed = TaskSeeds.pack(task, draw, linear);
    byte[] payload = UpdateCodecs.named(codec).encode(values, seed);
    return new PackedChunk(payload, unpack(task, codec, payload, values.length));
  }
}
