package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Optional;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes a record to its topic; its key decides on the partition, as with any Kafka producer. */
final class TopicRecordWriter
    implements KafkaRecordSerializationSchema<TopicRecord>, KafkaDatasetFacetProvider {
  private static final long serialVersionUID = 1L;

  private final ArrayList<String> topics;

  /**
   * @param topics all that its records may name: the sink asks them for transactions left open
   */
  TopicRecordWriter(Collection<String> topics) {
    this.topics = new ArrayList<>(topics);
  }

  @Override
  public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
    return Optional.of(
        new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(topics)));
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(
      TopicRecord record, KafkaSinkContext context, Long timestamp) {
    return new ProducerRecord<>(
        record.topic(), null, record.timestampMillis(), record.key(), record.value());
  }
}
