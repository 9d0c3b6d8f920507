package io.millrace.it;

import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What a test asks of a cluster. */
final class Cluster {
  private static final Duration READ = Duration.ofSeconds(60);

  private final String bootstrapServers;

  Cluster(String bootstrapServers) {
    this.bootstrapServers = bootstrapServers;
  }

  Map<String, String> client() {
    return Map.of("bootstrap.servers", bootstrapServers);
  }

  void createTopic(String name, int partitions, Map<String, String> configs) {
    try (Admin admin = ClusterConnection.open(client())) {
      TopicCreation creation = new TopicCreation(admin);
      creation.apply(creation.plan(List.of(new TopicSpec(name, partitions, 1, configs))));
    }
  }

  /** Committed records of a topic, partition by partition, up to its end at the call. */
  List<ConsumerRecord<byte[], byte[]>> committed(String topic) {
    Map<String, Object> properties = new HashMap<>(client());
    properties.put("isolation.level", "read_committed");
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", false);
    properties.put("fetch.max.wait.ms", 100);
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(partition -> new TopicPartition(topic, partition.partition()))
              .toList();
      consumer.assign(partitions);
      // Under read_committed this is where the first open transaction begins.
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      Await.until(
          topic + " is read up to " + ends,
          READ,
          () -> {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
            return ends.entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
          });
    }
    return records;
  }

  /** Committed values by key, each key's in the order of its partition, as comparable text. */
  Map<String, List<String>> committedByKey(String topic) {
    Map<String, List<String>> byKey = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : committed(topic)) {
      byKey
          .computeIfAbsent(
              record.key() == null ? "" : Hex.of(record.key()), key -> new ArrayList<>())
          .add(record.value() == null ? "tombstone" : Hex.of(record.value()));
    }
    return byKey;
  }

  /** Committed end offsets of a topic, or of those of its partitions that exist. */
  Map<TopicPartition, Long> ends(String topic) {
    try (Admin admin = ClusterConnection.open(client())) {
      Map<TopicPartition, OffsetSpec> question = new HashMap<>();
      admin
          .describeTopics(List.of(topic))
          .allTopicNames()
          .get()
          .get(topic)
          .partitions()
          .forEach(
              partition ->
                  question.put(
                      new TopicPartition(topic, partition.partition()), OffsetSpec.latest()));
      Map<TopicPartition, Long> ends = new HashMap<>();
      for (Map.Entry<TopicPartition, ListOffsetsResultInfo> end :
          admin.listOffsets(question).all().get().entrySet()) {
        ends.put(end.getKey(), end.getValue().offset());
      }
      return ends;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Records of a topic that a group has not yet committed. */
  long lag(String group, String topic) {
    try (Admin admin = ClusterConnection.open(client())) {
      Map<TopicPartition, Long> committed = new HashMap<>();
      admin
          .listConsumerGroupOffsets(group)
          .partitionsToOffsetAndMetadata()
          .get()
          .forEach(
              (partition, offset) -> {
                if (offset != null) {
                  committed.put(partition, offset.offset());
                }
              });
      return ends(topic).entrySet().stream()
          .mapToLong(end -> end.getValue() - committed.getOrDefault(end.getKey(), 0L))
          .sum();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
