package io.millrace.operator.federated;

import java.util.Map;
import java.util.TreeMap;

/**
 * Numbers of tasks that are done with, as runs: nearly all of them are one run, since numbers rise
 * and every task ends. Past {@link #MOST_RUNS} the lowest gap counts as done: its tasks are so old
 * that none of their updates can be wanted.
 *
 * <p>16 bytes a run. One thread.
 */
final class SequenceSet {
  static final int MOST_RUNS = 4096;

  /** First to last of each run; no two touch. */
  private final TreeMap<Long, Long> runs = new TreeMap<>();

  boolean contains(long sequence) {
    Map.Entry<Long, Long> run = runs.floorEntry(sequence);
    return run != null && run.getValue() >= sequence;
  }

  /**
   * @param sequence 0 or more
   */
  void add(long sequence) {
    if (contains(sequence)) {
      return;
    }
    long first = sequence;
    long last = sequence;
    Map.Entry<Long, Long> before = runs.lowerEntry(sequence);
    if (before != null && before.getValue() == sequence - 1) {
      first = before.getKey();
    }
    if (sequence < Long.MAX_VALUE) {
      Long after = runs.remove(sequence + 1);
      last = after == null ? sequence : after;
    }
    runs.put(first, last);
    if (runs.size() > MOST_RUNS) {
      Map.Entry<Long, Long> lowest = runs.pollFirstEntry();
      Map.Entry<Long, Long> next = runs.pollFirstEntry();
      runs.put(lowest.getKey(), next.getValue());
    }
  }

  /** First to last of each run, rising; not to be modified. */
  Map<Long, Long> runs() {
    return runs;
  }

  /**
   * Adds a run behind all others, with a gap between.
   *
   * @throws IllegalArgumentException when it is not so
   */
  void append(long first, long last) {
    boolean behind = runs.isEmpty() ? first >= 0 : first - 1 > runs.lastEntry().getValue();
    if (!behind || last < first || runs.size() == MOST_RUNS) {
      throw new IllegalArgumentException(
          "run " + first + " to " + last + " of tasks comes after " + runs.size() + " others");
    }
    runs.put(first, last);
  }
}
