package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.util.Arrays;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/**
 * Flink's key of a record: the partition that it came from, not its own key, since the partition is
 * the unit of order, stream time and state on every engine. Keys are chosen so that the key groups
 * of partitions 0, 1, 2, ... follow the van der Corput sequence, whatever their number.
 *
 * <p>Of n partitions each of p tasks gets n / p, give or take log2(n) / 3 + 1 (Béjian and Faure
 * 1977; rounding to key groups adds n / 1024), and give or take one where p is a power of two. No
 * sequence does better than a multiple of log n for every n and p (Schmidt 1972).
 */
final class PartitionKeys implements KeySelector<TopicRecord, Long> {
  private static final long serialVersionUID = 1L;

  private final int maximumParallelism;
  private transient Long[] keys;

  /**
   * @param maximumParallelism number of key groups of the job
   */
  PartitionKeys(int maximumParallelism) {
    this.maximumParallelism = maximumParallelism;
  }

  @Override
  public Long getKey(TopicRecord record) {
    int partition = record.partition();
    if (keys == null || partition >= keys.length) {
      keys = keys == null ? new Long[0] : keys;
      int known = keys.length;
      keys = Arrays.copyOf(keys, Math.max(16, 2 * partition + 1));
      for (int next = known; next < keys.length; next++) {
        keys[next] = key(next, maximumParallelism);
      }
    }
    return keys[partition];
  }

  /** The partition in the upper half; in the lower one what puts it into its key group. */
  static long key(int partition, int maximumParallelism) {
    int group = keyGroup(partition, maximumParallelism);
    for (int salt = 0; salt >= 0; salt++) {
      long key = (long) partition << 32 | salt;
      if (KeyGroupRangeAssignment.assignToKeyGroup(key, maximumParallelism) == group) {
        return key;
      }
    }
    throw new IllegalStateException("no key for partition " + partition);
  }

  static int keyGroup(int partition, int maximumParallelism) {
    return (int) (Integer.toUnsignedLong(Integer.reverse(partition)) * maximumParallelism >>> 32);
  }
}
