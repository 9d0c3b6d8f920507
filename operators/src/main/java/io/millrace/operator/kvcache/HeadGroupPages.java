package io.millrace.operator.kvcache;

import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.TensorKind;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What is held of one head group: pages by their first token, and summaries by head. One thread.
 */
public final class HeadGroupPages {
  private final String key;
  private final TreeMap<Long, HeldPage> keys = new TreeMap<>();
  private final TreeMap<Long, HeldPage> values = new TreeMap<>();
  private final TreeMap<Integer, KeyValueSummary> summaries = new TreeMap<>();
  private long timeMicros;

  HeadGroupPages(String key) {
    this.key = key;
  }

  /** {@link HeadGroupKey#of}. */
  public String key() {
    return key;
  }

  /** Whose: of the newest record. */
  public HeadGroup group() {
    return keys.isEmpty()
        ? values.isEmpty()
            ? summaries.firstEntry().getValue().getGroup()
            : values.lastEntry().getValue().envelope().getGroup()
        : keys.lastEntry().getValue().envelope().getGroup();
  }

  /** Pages by rising first token. */
  public Collection<HeldPage> pages(TensorKind kind) {
    return Collections.unmodifiableCollection(of(kind).values());
  }

  /** The page that begins at a token. */
  Optional<HeldPage> page(TensorKind kind, long firstToken) {
    return Optional.ofNullable(of(kind).get(firstToken));
  }

  /** The page that a token is in. */
  Optional<HeldPage> pageOf(TensorKind kind, long token) {
    return Optional.ofNullable(of(kind).floorEntry(token))
        .map(Map.Entry::getValue)
        .filter(page -> token < page.end());
  }

  /** The summary of a head's aged tokens. */
  public Optional<KeyValueSummary> summary(int head) {
    return Optional.ofNullable(summaries.get(head));
  }

  /** Summaries by rising head. */
  public Collection<KeyValueSummary> summaries() {
    return Collections.unmodifiableCollection(summaries.values());
  }

  /** The token after the last one of which both key and value are held. */
  public long end() {
    long end = 0;
    for (KeyValueSummary summary : summaries.values()) {
      end = Math.max(end, summary.getFirstToken() + summary.getTokens());
    }
    long keyEnd = keys.isEmpty() ? 0 : keys.lastEntry().getValue().end();
    long valueEnd = values.isEmpty() ? 0 : values.lastEntry().getValue().end();
    return Math.max(end, Math.min(keyEnd, valueEnd));
  }

  /** Newest event time of all records ever taken, microseconds. */
  public long timeMicros() {
    return timeMicros;
  }

  boolean isEmpty() {
    return keys.isEmpty() && values.isEmpty() && summaries.isEmpty();
  }

  TreeMap<Long, HeldPage> of(TensorKind kind) {
    return kind == TensorKind.KEYS ? keys : values;
  }

  void put(HeldPage page) {
    of(page.envelope().getKind()).put(page.envelope().getFirstToken(), page);
    timeMicros = Math.max(timeMicros, page.envelope().getTimeMicros());
  }

  void put(int head, KeyValueSummary summary) {
    timeMicros = Math.max(timeMicros, summary.getTimeMicros());
    summaries.put(head, summary);
  }

  void removeSummary(int head) {
    summaries.remove(head);
  }
}
