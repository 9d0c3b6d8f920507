package io.millrace.client;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads whole topics, committed records only, without a consumer group: every client reads all that
 * there is of a topic and picks out what is its own. One thread.
 */
public final class RecordReader implements AutoCloseable {
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(30);

  private final KafkaConsumer<byte[], byte[]> consumer;

  /**
   * A record.
   *
   * @param topic where
   * @param key UTF-8
   * @param value framed; empty where a key was removed
   */
  public record Received(String topic, String key, byte[] value) {}

  /**
   * @param kafka settings of the connection
   */
  public RecordReader(Map<String, ?> kafka) {
    Map<String, Object> settings = new HashMap<>(kafka);
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    consumer = new KafkaConsumer<>(settings);
  }

  /**
   * Reads a topic from its beginning or its end on, beside those it reads already.
   *
   * @throws IllegalStateException for a topic that does not exist
   */
  public void follow(String topic, boolean fromBeginning) {
    List<TopicPartition> found = new ArrayList<>();
    consumer
        .partitionsFor(topic, METADATA_TIMEOUT)
        .forEach(partition -> found.add(new TopicPartition(topic, partition.partition())));
    if (found.isEmpty()) {
      throw new IllegalStateException("topic " + topic + " does not exist");
    }
    List<TopicPartition> all = new ArrayList<>(consumer.assignment());
    all.addAll(found);
    consumer.assign(all);
    if (fromBeginning) {
      consumer.seekToBeginning(found);
    } else {
      consumer.seekToEnd(found);
      // the seek is lazy: what comes from now on must be seen
      found.forEach(partition -> consumer.position(partition, METADATA_TIMEOUT));
    }
  }

  /** Reads all topics from their beginnings again. */
  public void rewind() {
    consumer.seekToBeginning(consumer.assignment());
  }

  /** Takes what there is; waits for the first record. */
  public void poll(Duration wait, Consumer<Received> taker) {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(wait)) {
      String key = record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
      byte[] value = record.value() == null ? new byte[0] : record.value();
      taker.accept(new Received(record.topic(), key, value));
    }
  }

  /** Where all topics end now. */
  public Map<TopicPartition, Long> ends() {
    return consumer.endOffsets(consumer.assignment(), METADATA_TIMEOUT);
  }

  /** Whether all before these ends has been taken. */
  public boolean hasReached(Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream()
        .allMatch(end -> consumer.position(end.getKey(), METADATA_TIMEOUT) >= end.getValue());
  }

  @Override
  public void close() {
    consumer.close();
  }
}
