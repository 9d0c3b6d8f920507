package io.millrace.operator.kvcache;

import io.millrace.schema.HeadGroup;
import io.millrace.schema.TensorKind;

/**
 * State of one head group: the exact windows of its keys and values, their chains, and what ages.
 *
 * <p>Bytes, with c = h d channels of b bytes (2 or 4), for keys and values together:
 *
 * <pre>
 * windows    2 (R + P) (b c + 8)
 * aging      about (p + 200) for each page of p bytes that waits for its coarse tier or the summary:
 *            2 r A / P of them at r tokens a second and A seconds until the last of these steps
 * summaries  4 h m (d + 1), where tokens have aged so far
 * queries    4 c, where moments have come
 * the rest   below 1 KiB
 * </pre>
 *
 * <p>With 16-bit elements, R = 128, P = 64, c = 1024 and no ageing: 790 KB. One thread.
 */
public final class KeyValueState {
  /** Runs of this many spans share a bucket of {@link KeyValueStateCodec}. */
  private static final int BUCKET_RUN = 16;

  static final int BUCKETS = 8;

  final String key;

  /** The sizes that the session began with. */
  final KeyValueSettings.Window sizes;

  /** Null until the first record. */
  HeadGroup groupOrNull;

  /** Null until the first block of keys. */
  PagedTensor keysOrNull;

  /** Null until the first block of values. */
  PagedTensor valuesOrNull;

  /** [h x d]; empty until moments come. Replaced, never modified. */
  float[] queryMeanSquares = new float[0];

  /** One a head; empty until tokens have aged so far. */
  AttentionSummary[] summaries = new AttentionSummary[0];

  /** First token in the summaries. */
  long summaryFirst;

  /** Time before which no page enters the summaries: one could not be read. */
  long summaryRetryMillis;

  /** Times that this was put off in a row. */
  int summaryRetries;

  /** The latest event time seen; -1: none. */
  long newestMicros = -1;

  /** End of the session; -1: it goes on. */
  long endMillis = -1;

  /** Whether nothing is left to do after the end. */
  boolean complete;

  /** Counts changes of what the first section holds. */
  long revision;

  long momentsRevision;
  long summaryRevision;
  final long[] bucketRevisions = new long[BUCKETS];

  KeyValueState(String key, KeyValueSettings.Window sizes) {
    this.key = key;
    this.sizes = sizes;
  }

  /** The latest event time seen, milliseconds, rounded down. */
  long newestMillis() {
    return Math.floorDiv(newestMicros, 1000L);
  }

  boolean isEnded() {
    return endMillis >= 0;
  }

  PagedTensor tensorOrNull(TensorKind kind) {
    return kind == TensorKind.KEYS ? keysOrNull : valuesOrNull;
  }

  /** c, channels of a token. */
  int channels() {
    return groupOrNull.getHeads() * groupOrNull.getHeadDimension();
  }

  /** Of some tokens. */
  PageShape shape(int tokens) {
    return new PageShape(tokens, groupOrNull.getHeads(), groupOrNull.getHeadDimension());
  }

  /** Tokens in the summaries. */
  long summaryTokens() {
    return summaries.length == 0 ? 0 : summaries[0].tokens();
  }

  /** The bucket of a span's aging page. */
  static int bucket(long sequence) {
    return (int) (sequence / BUCKET_RUN % BUCKETS);
  }

  /** Says that aging pages of a span changed. */
  void agingChanged(long sequence) {
    bucketRevisions[bucket(sequence)]++;
  }

  /** Tokens that have left the exact window or been taken in, whichever kind is ahead. */
  public long tokens() {
    return Math.max(next(keysOrNull), next(valuesOrNull));
  }

  private static long next(PagedTensor tensorOrNull) {
    return tensorOrNull == null ? 0 : tensorOrNull.window.next();
  }
}
