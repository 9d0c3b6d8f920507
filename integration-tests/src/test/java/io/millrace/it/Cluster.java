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
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
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
            // all that has come: between attempts Await rests
            boolean more = true;
            while (more && !isRead(consumer, ends)) {
              ConsumerRecords<byte[], byte[]> batch = consumer.poll(Duration.ofMillis(200));
              batch.forEach(records::add);
              more = !batch.isEmpty();
            }
            return isRead(consumer, ends);
          });
    }
    return records;
  }

  private static boolean isRead(
      KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream()
        .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
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

  /** End offsets of a topic, open transactions included. */
  Map<TopicPartition, Long> ends(String topic) {
    return ends(topic, IsolationLevel.READ_UNCOMMITTED);
  }

  /** How far readers of committed records come in a topic. */
  Map<TopicPartition, Long> committedEnds(String topic) {
    return ends(topic, IsolationLevel.READ_COMMITTED);
  }

  private Map<TopicPartition, Long> ends(String topic, IsolationLevel isolation) {
    return ask(
        admin -> {
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
          admin
              .listOffsets(question, new ListOffsetsOptions(isolation))
              .all()
              .get()
              .forEach((partition, end) -> ends.put(partition, end.offset()));
          return ends;
        });
  }

  /** Records of a topic that a group has not yet committed. */
  long lag(String group, String topic) {
    return ends(topic).values().stream().mapToLong(Long::longValue).sum()
        - committedOffset(group, topic);
  }

  /** Sum over partitions of the offsets that a group has committed. */
  long committedOffset(String group, String topic) {
    return ask(
        admin -> {
          long sum = 0;
          for (Map.Entry<TopicPartition, OffsetAndMetadata> committed :
              admin
                  .listConsumerGroupOffsets(group)
                  .partitionsToOffsetAndMetadata()
                  .get()
                  .entrySet()) {
            if (committed.getValue() != null && committed.getKey().topic().equals(topic)) {
              sum += committed.getValue().offset();
            }
          }
          return sum;
        });
  }

  /** Forgets what a group has committed. */
  void forget(String group) {
    ask(admin -> admin.deleteConsumerGroups(List.of(group)).all().get());
  }

  /** Transactions that were begun and neither committed nor aborted. */
  long openTransactions() {
    ListTransactionsOptions open =
        new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING));
    return ask(admin -> (long) admin.listTransactions(open).all().get().size());
  }

  /** Members of a group that have partitions. */
  long workingMembers(String group) {
    return ask(
        admin ->
            admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().stream()
                .filter(member -> !member.assignment().topicPartitions().isEmpty())
                .count());
  }

  /** Names of topics that contain a text. */
  List<String> topicsWith(String text) {
    return ask(
        admin ->
            admin.listTopics().names().get().stream()
                .filter(name -> name.contains(text))
                .sorted()
                .toList());
  }

  private interface Question<T> {
    T ask(Admin admin) throws ExecutionException, InterruptedException;
  }

  private <T> T ask(Question<T> question) {
    try (Admin admin = ClusterConnection.open(client())) {
      return question.ask(admin);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
