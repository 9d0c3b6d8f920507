package io.millrace.kafka;

import io.millrace.operator.Models;
import io.millrace.runtime.Following;
import io.millrace.runtime.ModelShelf;
import io.millrace.runtime.ModelSlice;
import io.millrace.schema.UnreadableRecordException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows a topic of model versions with a consumer of its own (read-committed, from the beginning)
 * and hands complete versions to every task of this process. Memory: {@link ModelShelf}.
 * Thread-safe.
 */
final class ModelFollower implements Models, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ModelFollower.class);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long AWAIT_NANOS = Duration.ofSeconds(30).toNanos();

  private final Consumer<byte[], byte[]> consumer;
  private final String topic;
  private final ModelShelf shelf;
  private final Object arrival = new Object();
  private final Thread thread;
  private boolean caughtUp;
  private volatile boolean closed;
  private volatile RuntimeException failureOrNull;

  ModelFollower(Map<String, Object> kafka, Following following) {
    this(consumer(kafka), following);
  }

  /**
   * @param consumer without a group, read-committed; owned by the follower from now on
   */
  ModelFollower(Consumer<byte[], byte[]> consumer, Following following) {
    this.consumer = consumer;
    this.topic = following.topic();
    this.shelf = new ModelShelf(following);
    this.thread = new Thread(this::follow, "model-follower-" + topic);
    this.thread.setDaemon(true);
  }

  /**
   * Reads up to the present end, then goes on in the background.
   *
   * @throws IllegalStateException when the topic does not exist
   */
  void start() {
    List<PartitionInfo> infos = consumer.partitionsFor(topic);
    if (infos == null || infos.isEmpty()) {
      throw new IllegalStateException(
          "model topic " + topic + " does not exist: create it with the command topics");
    }
    List<TopicPartition> partitions =
        infos.stream().map(info -> new TopicPartition(info.topic(), info.partition())).toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    Set<TopicPartition> behind = new HashSet<>(partitions);
    behind.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
    while (!behind.isEmpty()) {
      poll();
      behind.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
    }
    caughtUp = true;
    thread.start();
  }

  /**
   * @throws IllegalStateException when the topic can no longer be followed
   */
  @Override
  public Optional<Models.Model> latest(String id) {
    requireFollowing();
    return shelf.latest(id);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Waits for one newer than the latest known, up to 30 s: the state that names it proves that
   * it was published, but a task that moved here from another process may be ahead of this
   * follower.
   *
   * @throws IllegalStateException when the topic can no longer be followed
   */
  @Override
  public Optional<Models.Model> version(String id, long version) {
    Optional<Models.Model> known = shelf.version(id, version);
    if (known.isEmpty() && shelf.isAhead(id, version)) {
      known = await(id, version);
    }
    requireFollowing();
    return known;
  }

  @Override
  public void close() {
    closed = true;
    if (!thread.isAlive()) {
      // never started, or ended by a failure that has closed it: closing again does nothing
      consumer.close();
      return;
    }
    consumer.wakeup();
    try {
      thread.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Consumer<byte[], byte[]> consumer(Map<String, Object> kafka) {
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
    return new KafkaConsumer<>(
        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private void requireFollowing() {
    if (failureOrNull != null) {
      throw new IllegalStateException("no longer following " + topic, failureOrNull);
    }
  }

  private Optional<Models.Model> await(String id, long version) {
    long until = System.nanoTime() + AWAIT_NANOS;
    synchronized (arrival) {
      Optional<Models.Model> known = shelf.version(id, version);
      long left = AWAIT_NANOS;
      while (known.isEmpty() && left > 0 && !closed && failureOrNull == null) {
        try {
          arrival.wait(1 + left / 1_000_000);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return Optional.empty();
        }
        known = shelf.version(id, version);
        left = until - System.nanoTime();
      }
      return known;
    }
  }

  private void follow() {
    try (consumer) {
      while (!closed) {
        try {
          poll();
        } catch (RetriableException e) {
          LOG.warn("following {}: {}; goes on", topic, e.toString());
        }
      }
    } catch (WakeupException e) {
      LOG.debug("stopped following {}", topic);
    } catch (RuntimeException e) {
      LOG.error("no longer following {}: {}", topic, e.toString(), e);
      failureOrNull = e;
    } finally {
      synchronized (arrival) {
        arrival.notifyAll();
      }
    }
  }

  private void poll() {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
      if (record.value() != null) {
        take(record);
      }
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    try {
      ModelSlice slice = shelf.read(record.value());
      if (shelf.take(slice)) {
        arrived(slice);
      }
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      LOG.warn(
          "skipped {}-{} offset {}: {}",
          record.topic(),
          record.partition(),
          record.offset(),
          e.getMessage());
    }
  }

  private void arrived(ModelSlice slice) {
    if (caughtUp) {
      // prepared here rather than in a stream thread; of those read at the start few are ever used
      shelf.version(slice.id(), slice.version());
    }
    synchronized (arrival) {
      arrival.notifyAll();
    }
  }
}
