package io.millrace.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.runtime.Partitioning;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.Test;

final class KeyPartitionsTest {

  @Test
  void putsAModelsChunksRoundThePartitions() {
    KeyPartitions partitions = new KeyPartitions(Partitioning.BY_CHUNK);
    for (int chunk : new int[] {0, 1, 6, 7, 28_483, 999_999}) {
      byte[] key = String.format("digits/%06d", chunk).getBytes(UTF_8);
      assertEquals(Optional.of(Set.of(chunk % 7)), partitions.partitions("updates", key, null, 7));
    }
  }

  /** Clients that know nothing of us write such topics with Kafka's default partitioner. */
  @Test
  void putsKeysWhereKafkasOwnClientsDo() {
    KeyPartitions partitions = new KeyPartitions(Partitioning.BY_KEY);
    Random random = new Random(7);
    for (int length = 0; length < 300; length++) {
      byte[] key = new byte[length];
      random.nextBytes(key);
      int expected = Utils.toPositive(Utils.murmur2(key)) % 11;
      assertEquals(Optional.of(Set.of(expected)), partitions.partitions("control", key, null, 11));
    }
  }

  @Test
  void leavesOtherTopicsToKafka() {
    KeyPartitions partitions = new KeyPartitions(Partitioning.ANY);
    assertEquals(Optional.empty(), partitions.partitions("codes", new byte[] {1}, null, 3));
    assertEquals(Optional.empty(), partitions.partitions("dead-letters", null, null, 3));
  }
}
