package io.millrace.operator.federated;

import java.util.Arrays;

/**
 * Means of updates as they travel, all of one codec and seed and of equal weight: what a freeze of
 * one chunk does ({@link ChunkSums}), for updates that are at hand. For measurements and for
 * programs without streams. Stateless.
 */
public final class PayloadSums {
  /** Updates with larger values are refused. */
  private static final float LARGEST = 1e6f;

  private PayloadSums() {}

  /**
   * Whether payloads of a codec add up as they are.
   *
   * @throws IllegalArgumentException for an unknown name
   */
  public static boolean isLinear(String codec) {
    return UpdateCodecs.linear(codec).isPresent();
  }

  /**
   * Decodes every update and takes the mean.
   *
   * @param payloads one a client, not modified
   * @param out overwritten
   * @throws IllegalArgumentException for an unknown codec, or payloads that are not its
   */
  public static void decoded(String codec, byte[][] payloads, long seed, double[] out) {
    UpdateCodec decoder = UpdateCodecs.named(codec);
    FixedPointSum sum = sum(out.length, payloads.length);
    RowBatch batch = new RowBatch(sum);
    for (byte[] payload : payloads) {
      batch.add(decoder.decode(payload, out.length, seed), 1);
    }
    batch.flush();
    sum.mean(out);
  }

  /**
   * Takes the mean of what travelled and decodes that, once.
   *
   * @param codec linear
   * @param payloads one a client, not modified
   * @param out overwritten
   * @throws IllegalArgumentException as {@link #decoded}, and for a codec that is not linear
   */
  public static void packed(String codec, byte[][] payloads, long seed, double[] out) {
    LinearCodec linear =
        UpdateCodecs.linear(codec)
            .orElseThrow(() -> new IllegalArgumentException("codec " + codec + " is not linear"));
    double[] packed = new double[linear.packedLength(out.length)];
    decoded("plain", payloads, seed, packed);
    Arrays.fill(out, 0);
    linear.unpack(packed, seed, out);
  }

  private static FixedPointSum sum(int length, int clients) {
    return new FixedPointSum(length, FixedPointScale.finest(LARGEST, 1, clients));
  }
}
