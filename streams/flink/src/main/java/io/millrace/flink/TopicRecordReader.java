package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** A Kafka record as it is, with its coordinates; a missing timestamp reads as 0. */
final class TopicRecordReader implements KafkaRecordDeserializationSchema<TopicRecord> {
  private static final long serialVersionUID = 1L;

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<TopicRecord> out) {
    out.collect(
        new TopicRecord(
            record.topic(),
            record.partition(),
            record.offset(),
            Math.max(0, record.timestamp()),
            record.key(),
            record.value()));
  }

  @Override
  public TypeInformation<TopicRecord> getProducedType() {
    return TopicRecordType.INSTANCE;
  }
}
