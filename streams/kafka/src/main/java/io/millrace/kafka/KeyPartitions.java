package io.millrace.kafka;

import io.millrace.runtime.Partitioning;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.apache.kafka.streams.processor.StreamPartitioner;

/** Puts a sink's records into the partitions that their keys belong in. Stateless. */
final class KeyPartitions implements StreamPartitioner<byte[], byte[]> {
  private final Partitioning partitioning;

  KeyPartitions(Partitioning partitioning) {
    this.partitioning = partitioning;
  }

  /** Nothing: Kafka's own choice. */
  @Override
  public Optional<Set<Integer>> partitions(String topic, byte[] key, byte[] value, int partitions) {
    OptionalInt partition = partitioning.partition(key, partitions);
    return partition.isPresent() ? Optional.of(Set.of(partition.getAsInt())) : Optional.empty();
  }
}
