package io.millrace.app.continuation;

import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.operator.kvcache.KeyValueReader;
import io.millrace.operator.kvcache.PageTable;
import io.millrace.runtime.Following;
import io.millrace.runtime.ModelShelf;
import io.millrace.schema.HeadGroup;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** All pages and bases that a pipeline has committed so far. One thread. */
final class PageFollower implements AutoCloseable {
  private static final long CACHE_BYTES = 64L << 20;
  private static final int KEPT_VERSIONS = 64;

  private final String bases;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final PageTable table = new PageTable();
  private final ModelShelf shelf;
  private final KeyValueReader reader;

  /**
   * Follows two topics from their beginning.
   *
   * @param clientSettings of Kafka clients
   */
  PageFollower(Map<String, ?> clientSettings, String pages, String bases) {
    this.bases = bases;
    this.shelf = new ModelShelf(new Following(bases, Set.of(), KEPT_VERSIONS));
    this.reader = new KeyValueReader(shelf, CACHE_BYTES);
    Map<String, Object> settings = new HashMap<>(clientSettings);
    settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 2_000);
    this.consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : List.of(bases, pages)) {
      consumer
          .partitionsFor(topic)
          .forEach(one -> partitions.add(new TopicPartition(topic, one.partition())));
    }
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
  }

  /** Takes what has come, waiting a moment for the first. */
  void poll(Duration timeout) {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(timeout)) {
      if (record.topic().equals(bases)) {
        if (record.value() != null) {
          shelf.take(shelf.read(record.value()));
        }
      } else {
        table.accept(new String(record.key(), StandardCharsets.UTF_8), record.value());
      }
    }
  }

  /**
   * The pages of a session, layer by layer.
   *
   * @param groups of its layers
   * @param tokens that must be covered
   * @return empty while some are missing
   */
  Optional<List<HeadGroupPages>> session(List<HeadGroup> groups, long tokens) {
    List<HeadGroupPages> layers = new ArrayList<>();
    for (HeadGroup group : groups) {
      table
          .group(group.getTenant(), HeadGroupKey.of(group))
          .filter(pages -> pages.end() >= tokens)
          .ifPresent(layers::add);
    }
    return layers.size() == groups.size() ? Optional.of(layers) : Optional.empty();
  }

  /** Records that are damaged, by key. */
  Map<String, String> damaged(String tenant) {
    return table.damaged(tenant);
  }

  KeyValueReader reader() {
    return reader;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
