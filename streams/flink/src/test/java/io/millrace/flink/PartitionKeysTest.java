package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.runtime.TopicRecord;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.junit.jupiter.api.Test;

final class PartitionKeysTest {
  private static final int GROUPS = 1024;

  @Test
  void spreadsAnyNumberOfPartitionsOverAnyNumberOfTasksWithinTheBoundOfTheSequence() {
    int[] groups = groups(200);
    int most = 0;
    for (int partitions = 1; partitions <= groups.length; partitions++) {
      // and what rounding to key groups adds
      double bound = Math.log(partitions) / Math.log(2) / 3 + 1 + (double) partitions / GROUPS;
      for (int parallelism = 1; parallelism <= partitions; parallelism++) {
        int[] load = load(groups, partitions, parallelism);
        double even = (double) partitions / parallelism;
        for (int each : load) {
          assertTrue(
              Math.abs(each - even) <= bound,
              partitions + " over " + parallelism + ": a task has " + each);
        }
        most = Math.max(most, spread(load));
      }
    }
    assertEquals(5, most, "largest difference between two tasks");
  }

  @Test
  void spreadsEvenlyOverPowersOfTwo() {
    int[] groups = groups(200);
    for (int partitions = 1; partitions <= groups.length; partitions++) {
      for (int parallelism = 1; parallelism <= GROUPS; parallelism *= 2) {
        int spread = spread(load(groups, partitions, parallelism));
        assertTrue(spread <= 1, partitions + " over " + parallelism);
      }
    }
  }

  @Test
  void givesEachPartitionOneKeyOfItsOwnInItsKeyGroup() {
    Set<Long> seen = new HashSet<>();
    PartitionKeys keys = new PartitionKeys(GROUPS);
    for (int partition = 2000; partition >= 0; partition--) {
      long key = keys.getKey(record(partition));
      assertTrue(seen.add(key), "partition " + partition);
      assertEquals(PartitionKeys.key(partition, GROUPS), key);
      assertEquals(
          PartitionKeys.keyGroup(partition, GROUPS),
          KeyGroupRangeAssignment.assignToKeyGroup(key, GROUPS));
    }
    PartitionKeys growing = new PartitionKeys(GROUPS);
    for (int partition = 0; partition <= 300; partition++) {
      assertTrue(seen.remove(growing.getKey(record(partition))), "partition " + partition);
    }
  }

  @Test
  void keepsTheKeysThatSavepointsHold() {
    long[] kept = {
      451L,
      1L << 32 | 2341,
      2L << 32 | 3594,
      3L << 32 | 818,
      4L << 32 | 574,
      5L << 32 | 317,
      6L << 32 | 2528,
      7L << 32 | 393
    };
    for (int partition = 0; partition < kept.length; partition++) {
      assertEquals(kept[partition], PartitionKeys.key(partition, GROUPS));
    }
  }

  private static TopicRecord record(int partition) {
    return new TopicRecord("t", partition, 0, 0, null, null);
  }

  /** Key groups of partitions, as Flink finds them for our keys. */
  private static int[] groups(int partitions) {
    int[] groups = new int[partitions];
    for (int partition = 0; partition < partitions; partition++) {
      long key = PartitionKeys.key(partition, GROUPS);
      groups[partition] = KeyGroupRangeAssignment.assignToKeyGroup(key, GROUPS);
    }
    return groups;
  }

  private static int[] load(int[] groups, int partitions, int parallelism) {
    int[] load = new int[parallelism];
    for (int partition = 0; partition < partitions; partition++) {
      load[
          KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup(
              GROUPS, parallelism, groups[partition])]++;
    }
    return load;
  }

  private static int spread(int[] load) {
    int most = 0;
    int least = Integer.MAX_VALUE;
    for (int each : load) {
      most = Math.max(most, each);
      least = Math.min(least, each);
    }
    return most - least;
  }
}
