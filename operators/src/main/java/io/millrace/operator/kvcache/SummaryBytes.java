package io.millrace.operator.kvcache;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * State bytes of the summaries of a group's heads.
 *
 * <pre>
 * 4  h, or 0 and nothing else
 * 4  m
 * 8  seed
 *    each head
 *    4        exponent
 *    8        tokens
 *    4 m      normalizer, f32
 *    4 m d    weighted, f32
 * </pre>
 *
 * <p>Keeps the random directions that it made last: all heads of a model have them in common. One
 * thread.
 */
final class SummaryBytes {
  private static final int SUM_BYTES = Integer.BYTES + Long.BYTES;

  private RandomFeatures featuresOrNull;

  /** Bytes of {@link #encode}. */
  static int bytes(AttentionSummary[] summaries) {
    int bytes = Integer.BYTES;
    if (summaries.length > 0) {
      RandomFeatures features = summaries[0].features();
      bytes += Integer.BYTES + Long.BYTES + summaries.length * sumBytes(features);
    }
    return bytes;
  }

  private static int sumBytes(RandomFeatures features) {
    return SUM_BYTES + Float.BYTES * features.features() * (1 + features.headDimension());
  }

  static void encode(AttentionSummary[] summaries, ByteBuffer out) {
    out.putInt(summaries.length);
    if (summaries.length > 0) {
      RandomFeatures features = summaries[0].features();
      out.putInt(features.features()).putLong(features.seed());
    }
    for (AttentionSummary sums : summaries) {
      out.putInt(sums.exponent()).putLong(sums.tokens());
      out.put(sums.normalizer()).put(sums.weighted());
    }
  }

  /**
   * Reads summaries.
   *
   * @param heads h
   * @param d head dimension
   * @throws IllegalArgumentException for damaged bytes, or summaries of another number of heads
   */
  AttentionSummary[] decode(ByteBuffer in, int heads, int d) {
    StateHeader.need(in, Integer.BYTES);
    int count = in.getInt();
    if (count == 0) {
      return new AttentionSummary[0];
    }
    if (count != heads) {
      throw new IllegalArgumentException(
          "KV state has summaries of " + count + " heads, expected " + heads);
    }
    StateHeader.need(in, Integer.BYTES + Long.BYTES);
    int m = in.getInt();
    long seed = in.getLong();
    StateHeader.need(
        in, m < 1 ? Long.MAX_VALUE : heads * (SUM_BYTES + (long) Float.BYTES * m * (1 + d)));
    RandomFeatures features = features(m, d, seed);
    AttentionSummary[] summaries = new AttentionSummary[heads];
    for (int head = 0; head < heads; head++) {
      int exponent = in.getInt();
      long tokens = in.getLong();
      ByteBuffer normalizer = take(in, Float.BYTES * m);
      ByteBuffer weighted = take(in, Float.BYTES * m * d);
      summaries[head] = AttentionSummary.decode(features, exponent, tokens, normalizer, weighted);
    }
    return summaries;
  }

  private static ByteBuffer take(ByteBuffer in, int bytes) {
    ByteBuffer taken = in.slice().limit(bytes);
    in.position(in.position() + bytes);
    return taken;
  }

  private RandomFeatures features(int m, int d, long seed) {
    if (featuresOrNull == null
        || featuresOrNull.features() != m
        || featuresOrNull.headDimension() != d
        || featuresOrNull.seed() != seed) {
      featuresOrNull = new RandomFeatures(m, d, seed);
    }
    return featuresOrNull;
  }
}
