package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * What is left of any number of tokens of one head in constant size: the sums over tokens of
 * feature(k) and of feature(k) v, from which the attention of a query to all of them is estimated.
 * Sums are in units of 2^exponent, which rises with the largest feature, so nothing overflows. Sums
 * merge, and what a part of the tokens added can be taken out again: so where pages of some tokens
 * are still there, the estimate is left for the others only.
 *
 * <p>Source: low-rank part of Scatterbrain (Chen et al., 2021, arXiv 2110.15343) with positive
 * features, see {@link RandomFeatures}. Theirs finds the exact part by hashing; here it is what the
 * reader has pages of.
 *
 * <p>Error falls as 1 / sqrt(m) where |q + k|^2, in the scale of the features, is a few units. It
 * is poor for long keys: then a few tokens rule the sums, and a query that looks for another one
 * finds little of it. A summary says what a mass of tokens has in common; it finds no needle.
 *
 * <p>Bits of a head 32 m (d + 1), whatever the tokens. A token costs m d multiply-adds for its
 * features and m d for the sums; a query as much. The bits of the sums do not depend on how tokens
 * are cut into calls. One thread.
 */
public final class AttentionSummary {
  private static final int BATCH = 32;

  /** Values are cut off at this size: 2^63 tokens of it are still a float. */
  private static final float LARGEST_VALUE = 0x1p64f;

  private final RandomFeatures features;
  private final float[] normalizer;
  private final float[] weighted;
  private int exponent;
  private long tokens;

  /**
   * A summary of no tokens with directions of its own.
   *
   * @param features m
   * @param headDimension d
   * @param seed of the directions
   * @throws IllegalArgumentException as {@link RandomFeatures}
   */
  public AttentionSummary(int features, int headDimension, long seed) {
    this(new RandomFeatures(features, headDimension, seed));
  }

  /** A summary of no tokens. */
  public AttentionSummary(RandomFeatures features) {
    this.features = features;
    this.normalizer = new float[features.features()];
    this.weighted = new float[features.features() * features.headDimension()];
  }

  /**
   * A summary from its bytes.
   *
   * @param exponent at most 2^18 in size
   * @param tokens at least 0
   * @param normalizer [m] little-endian float32, from position to limit; not modified
   * @param weighted [m x d] little-endian float32, from position to limit; not modified
   * @throws IllegalArgumentException for other lengths, or numbers that are not finite
   */
  public static AttentionSummary decode(
      RandomFeatures features,
      int exponent,
      long tokens,
      ByteBuffer normalizer,
      ByteBuffer weighted) {
    if (exponent < -(1 << 18) || exponent > 1 << 18 || tokens < 0) {
      throw new IllegalArgumentException(
          "summary of " + tokens + " tokens has exponent " + exponent);
    }
    AttentionSummary summary = new AttentionSummary(features);
    get(normalizer, summary.normalizer, "normalizer");
    get(weighted, summary.weighted, "weighted");
    summary.exponent = exponent;
    summary.tokens = tokens;
    return summary;
  }

  /** The directions. */
  public RandomFeatures features() {
    return features;
  }

  /** Tokens added, n. */
  public long tokens() {
    return tokens;
  }

  /** Power of two in which sums are. */
  public int exponent() {
    return exponent;
  }

  /** [m] little-endian float32. */
  public byte[] normalizer() {
    return bytes(normalizer);
  }

  /** [m x d] little-endian float32. */
  public byte[] weighted() {
    return bytes(weighted);
  }

  /**
   * Adds tokens of one head.
   *
   * @param keys one token a row of d, rows {@code keyStride} apart; as queries meet them, that is
   *     after any rotary step; not modified
   * @param values likewise, cut off at 2^64 in size; not modified
   * @throws IllegalArgumentException for a number that is not finite; the summary is then as before
   */
  public void add(
      float[] keys,
      int keysFrom,
      int keyStride,
      float[] values,
      int valuesFrom,
      int valueStride,
      int tokens) {
    int d = features.headDimension();
    requireFinite(keys, keysFrom, keyStride, tokens, "key");
    requireFinite(values, valuesFrom, valueStride, tokens, "value");
    Batch batch = new Batch(Math.min(tokens, BATCH));
    for (int first = 0; first < tokens; first += BATCH) {
      int count = Math.min(BATCH, tokens - first);
      for (int row = 0; row < count; row++) {
        System.arraycopy(keys, keysFrom + (first + row) * keyStride, batch.keys, row * d, d);
        int from = valuesFrom + (first + row) * valueStride;
        for (int i = 0; i < d; i++) {
          batch.values[row * d + i] =
              Math.max(-LARGEST_VALUE, Math.min(LARGEST_VALUE, values[from + i]));
        }
      }
      batch.add(count);
    }
  }

  /**
   * Adds what another summary of the same directions has.
   *
   * @param other not modified
   * @throws IllegalArgumentException for other directions
   */
  public void merge(AttentionSummary other) {
    requireSameFeatures(other);
    if (other.tokens == 0) {
      return;
    }
    raiseTo(other.exponent);
    addSums(other, Math.scalb(1f, other.exponent - exponent));
    tokens += other.tokens;
  }

  /**
   * Takes out what another summary of the same directions has, whose tokens are all in this one.
   *
   * @param other not modified
   * @throws IllegalArgumentException for other directions, or tokens that cannot be in this one;
   *     the summary is then as before
   */
  public void subtract(AttentionSummary other) {
    requireSameFeatures(other);
    if (other.tokens > tokens || other.tokens > 0 && other.exponent > exponent) {
      throw new IllegalArgumentException(
          "summary of " + tokens + " tokens never had these " + other.tokens);
    }
    if (other.tokens == tokens) {
      clear();
    } else if (other.tokens > 0) {
      addSums(other, -Math.scalb(1f, other.exponent - exponent));
      tokens -= other.tokens;
    }
  }

  /**
   * Adds the estimate for all tokens to a query's attention.
   *
   * @param query [d] from {@code queryFrom}, multiplied by the softmax scale already; not modified
   * @throws IllegalArgumentException for another d, or numbers that are not finite; the partial is
   *     then as before
   */
  public void accumulate(float[] query, int queryFrom, AttentionPartial partial) {
    int m = features.features();
    int d = features.headDimension();
    if (tokens == 0) {
      return;
    }
    requireFinite(query, queryFrom, d, 1, "query");
    float[] own = Arrays.copyOfRange(query, queryFrom, queryFrom + d);
    float[] mantissas = new float[m];
    float[] powers = new float[m];
    features.ofQueries(own, 1, new float[d], mantissas, new GemmScratch());
    int unit = SplitExponential.split(mantissas, 0, m, mantissas, powers);
    SplitExponential.join(mantissas, powers, m, unit);
    float[] sums = new float[d];
    Kernels.gemv(weighted, 0, mantissas, 0, sums, 0, m, d);
    double sum = 0;
    for (int i = 0; i < m; i++) {
      sum += (double) mantissas[i] * normalizer[i];
    }
    double[] means = new double[d];
    for (int channel = 0; channel < d; channel++) {
      means[channel] = (double) sums[channel] / m;
    }
    partial.add(unit + exponent, sum / m, means);
  }

  /** Forgets all tokens. */
  public void clear() {
    Arrays.fill(normalizer, 0f);
    Arrays.fill(weighted, 0f);
    exponent = 0;
    tokens = 0;
  }

  private void requireSameFeatures(AttentionSummary other) {
    if (!features.agreesWith(other.features)) {
      throw new IllegalArgumentException("summaries have unlike directions");
    }
  }

  private void addSums(AttentionSummary other, float factor) {
    Kernels.axpy(factor, other.normalizer, 0, normalizer, 0, normalizer.length);
    Kernels.axpy(factor, other.weighted, 0, weighted, 0, weighted.length);
  }

  /** Goes over to a larger unit; to any when there are no tokens. */
  private void raiseTo(int unit) {
    if (tokens == 0) {
      exponent = unit;
    } else if (unit > exponent) {
      float factor = Math.scalb(1f, exponent - unit);
      Kernels.scale(factor, normalizer, 0, normalizer.length);
      Kernels.scale(factor, weighted, 0, weighted.length);
      exponent = unit;
    }
  }

  private void requireFinite(float[] rows, int from, int stride, int count, String what) {
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < features.headDimension(); i++) {
        float x = rows[from + row * stride + i];
        if (!Float.isFinite(x)) {
          throw new IllegalArgumentException(
              what + " " + row + " has " + x + " in channel " + i + ", expected finite numbers");
        }
      }
    }
  }

  private static void get(ByteBuffer bytes, float[] out, String what) {
    if (bytes.remaining() != Float.BYTES * out.length) {
      throw new IllegalArgumentException(
          "summary's "
              + what
              + " has "
              + bytes.remaining()
              + " bytes, expected "
              + Float.BYTES * out.length);
    }
    bytes.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(out);
    for (float x : out) {
      if (!Float.isFinite(x)) {
        throw new IllegalArgumentException("summary's " + what + " has " + x);
      }
    }
  }

  private static byte[] bytes(float[] values) {
    ByteBuffer out =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  /** Scratch of one call, and the rows that wait to be added in one product. */
  private final class Batch {
    private final int m = features.features();
    private final int d = features.headDimension();
    private final float[] keys;
    private final float[] values;
    private final float[] scaled;
    private final float[] logarithms;
    private final float[] transposed;
    private final float[] row = new float[m];
    private final float[] powers = new float[m];
    private final GemmScratch scratch = new GemmScratch();

    Batch(int size) {
      keys = new float[size * d];
      values = new float[size * d];
      scaled = new float[size * d];
      logarithms = new float[size * m];
      transposed = new float[size * m];
    }

    /**
     * Adds rows in their order. The unit rises exactly at the token whose features need it, so that
     * what is too small for a float does not depend on where calls are cut.
     */
    void add(int count) {
      features.ofKeys(keys, count, scaled, logarithms, scratch);
      int waiting = 0;
      for (int token = 0; token < count; token++) {
        int unit = SplitExponential.split(logarithms, token * m, m, row, powers);
        if (tokens == 0 || unit > exponent) {
          flush(waiting, token);
          waiting = token;
          raiseTo(unit);
        }
        SplitExponential.join(row, powers, m, exponent);
        System.arraycopy(row, 0, logarithms, token * m, m);
        tokens++;
      }
      flush(waiting, count);
    }

    private void flush(int from, int to) {
      int count = to - from;
      if (count == 0) {
        return;
      }
      for (int token = from; token < to; token++) {
        Kernels.axpy(1f, logarithms, token * m, normalizer, 0, m);
      }
      Kernels.transpose(logarithms, from * m, transposed, 0, count, m);
      Kernels.gemmAdd(transposed, 0, values, from * d, weighted, 0, m, d, count, scratch);
    }
  }
}
