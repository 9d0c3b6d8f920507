package io.millrace.app.inspect;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads a topic once, from its beginning to its present end, committed records only. */
public final class TopicScan {
  private final Map<String, Object> properties;

  /**
   * @param kafka client properties
   */
  public TopicScan(Map<String, String> kafka) {
    properties = new HashMap<>(kafka);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
  }

  /**
   * Visits every record, partition by partition in no fixed order, offsets rising.
   *
   * @throws IllegalStateException when the topic does not exist
   */
  public void forEach(String topic, Consumer<ConsumerRecord<byte[], byte[]>> visitor) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<PartitionInfo> infos = consumer.listTopics(Duration.ofSeconds(10)).get(topic);
      if (infos == null) {
        throw new IllegalStateException("topic " + topic + " does not exist");
      }
      List<TopicPartition> partitions =
          infos.stream().map(info -> new TopicPartition(topic, info.partition())).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      Set<TopicPartition> open = new HashSet<>(partitions);
      open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
      while (!open.isEmpty()) {
        consumer.poll(Duration.ofMillis(500)).forEach(visitor);
        open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
      }
    }
  }
}
