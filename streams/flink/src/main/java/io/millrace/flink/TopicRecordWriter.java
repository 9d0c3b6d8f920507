package io.millrace.flink;

import io.millrace.runtime.Partitioning;
import io.millrace.runtime.TopicRecord;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes a record to its topic, into the partition that its key belongs in. */
final class TopicRecordWriter
    implements KafkaRecordSerializationSchema<TopicRecord>, KafkaDatasetFacetProvider {
  private static final long serialVersionUID = 1L;

  private final TreeMap<String, Partitioning> topics;

  /**
   * @param topics all that its records may name, and how their keys are spread: the sink asks them
   *     for transactions left open
   */
  TopicRecordWriter(Map<String, Partitioning> topics) {
    this.topics = new TreeMap<>(topics);
  }

  @Override
  public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
    return Optional.of(
        new DefaultKafkaDatasetFacet(
            DefaultKafkaDatasetIdentifier.ofTopics(List.copyOf(topics.keySet()))));
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      TopicRecord record, KafkaSinkContext context, Long timestamp) {
    return new ProducerRecord<>(
        record.topic(),
        partitionOrNull(record, context),
        record.timestampMillis(),
        record.key(),
        record.value());
  }

  private Integer partitionOrNull(TopicRecord record, KafkaSinkContext context) {
    Partitioning partitioning = topics.get(record.topic());
    if (partitioning == Partitioning.ANY) {
      return null;
    }
    int partitions = context.getPartitionsForTopic(record.topic()).length;
    return partitioning.partition(record.key(), partitions).orElseThrow();
  }
}
