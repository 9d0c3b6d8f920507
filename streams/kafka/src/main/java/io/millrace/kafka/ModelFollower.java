package io.millrace.kafka;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows a topic of dictionary versions with a consumer of its own (read-committed, from the
 * beginning) and hands complete versions to every task of this process. Keeps the newest {@value
 * #KEPT_VERSIONS} versions of each id.
 *
 * <p>Memory: versions x 4 (2 k d + k^2) bytes. Thread-safe.
 */
final class ModelFollower implements Models, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ModelFollower.class);
  private static final int KEPT_VERSIONS = 64;

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final String topic;
  private final Set<String> followed;
  private final SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
  private final Map<String, DictionaryAssembly> assemblies = new HashMap<>();
  private final Map<String, ConcurrentSkipListMap<Long, DictionaryModel>> models =
      new ConcurrentHashMap<>();
  private final Thread thread;
  private volatile boolean closed;

  ModelFollower(Map<String, Object> kafka, String topic, Set<String> followed) {
    this.topic = topic;
    this.followed = Set.copyOf(followed);
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
    this.consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    this.thread = new Thread(this::follow, "model-follower-" + topic);
    this.thread.setDaemon(true);
  }

  /** Reads up to the present end, then goes on in the background. */
  void start() {
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    Set<TopicPartition> behind = new HashSet<>(partitions);
    while (!behind.isEmpty()) {
      poll();
      behind.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
    }
    thread.start();
  }

  @Override
  public Optional<Models.Model> latest(String id) {
    var versions = models.get(id);
    var newest = versions == null ? null : versions.lastEntry();
    return newest == null ? Optional.empty() : Optional.of(newest.getValue());
  }

  @Override
  public Optional<Models.Model> version(String id, long version) {
    var versions = models.get(id);
    return versions == null ? Optional.empty() : Optional.ofNullable(versions.get(version));
  }

  @Override
  public void close() {
    closed = true;
    consumer.wakeup();
    try {
      thread.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void follow() {
    try (consumer) {
      while (!closed) {
        poll();
      }
    } catch (WakeupException e) {
      LOG.debug("stopped following {}", topic);
    } catch (RuntimeException e) {
      LOG.error("no longer following {}: {}", topic, e.toString(), e);
    }
  }

  private void poll() {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
      if (record.value() != null) {
        take(record);
      }
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    try {
      DictionaryVersion slice = framing.decode(record.value());
      if (!followed.contains(slice.getDictionary())) {
        return;
      }
      String name = slice.getDictionary() + '@' + slice.getVersion();
      DictionaryAssembly assembly = assemblies.get(name);
      if (assembly == null) {
        assembly = new DictionaryAssembly(slice);
        assemblies.put(name, assembly);
      }
      assembly.add(slice);
      assembly
          .model()
          .ifPresent(
              model -> {
                assemblies.remove(name);
                keep(model);
              });
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      LOG.warn(
          "skipped {}-{} offset {}: {}",
          record.topic(),
          record.partition(),
          record.offset(),
          e.getMessage());
    }
  }

  private void keep(DictionaryModel model) {
    var versions = models.computeIfAbsent(model.id(), id -> new ConcurrentSkipListMap<>());
    versions.put(model.version(), model);
    while (versions.size() > KEPT_VERSIONS) {
      versions.pollFirstEntry();
    }
  }
}
