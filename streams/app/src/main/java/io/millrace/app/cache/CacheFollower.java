package io.millrace.app.cache;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the pages and bases topics from their beginning into a {@link CacheStore}, on a thread of
 * its own, read-committed and without a consumer group. After a lost broker it begins again:
 * records supersede by key, so that taking them twice changes nothing.
 */
final class CacheFollower implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CacheFollower.class);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(5);
  private static final long DISCOVERY_NANOS = TimeUnit.SECONDS.toNanos(3);
  private static final long RETRY_MILLIS = 2_000;

  private final CacheTopics topics;
  private final CacheStore store;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "cache-follower");
  private volatile boolean caughtUp;

  /** Null while there is none. */
  private volatile Consumer<byte[], byte[]> current;

  private CacheFollower(CacheTopics topics, CacheStore store) {
    this.topics = topics;
    this.store = store;
  }

  /** Starts to follow. */
  static CacheFollower start(CacheTopics topics, CacheStore store) {
    CacheFollower follower = new CacheFollower(topics, store);
    follower.thread.setDaemon(true);
    follower.thread.start();
    return follower;
  }

  /** Whether the ends that the topics had when they were found have been reached once. */
  boolean isCaughtUp() {
    return caughtUp;
  }

  private void run() {
    while (closing.getCount() > 0) {
      try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings())) {
        current = consumer;
        follow(consumer);
      } catch (InterruptException stopped) {
        return;
      } catch (WakeupException woken) {
        LOG.debug("Cache follower was woken up, to close");
      } catch (KafkaException failure) {
        LOG.warn("Cache lost its broker and will try again: {}", failure.getMessage());
        pause();
      } catch (RuntimeException failure) {
        LOG.error("Cache follower failed and will begin again", failure);
        pause();
      } finally {
        current = null;
      }
    }
  }

  private void follow(Consumer<byte[], byte[]> consumer) {
    Map<TopicPartition, Long> ends = new HashMap<>();
    long nextDiscovery = System.nanoTime();
    while (closing.getCount() > 0) {
      if (System.nanoTime() - nextDiscovery >= 0) {
        discover(consumer, ends);
        nextDiscovery = System.nanoTime() + DISCOVERY_NANOS;
      }
      if (consumer.assignment().isEmpty()) {
        pause();
        continue;
      }
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
        if (record.topic().equals(topics.bases())) {
          store.takeModel(record.value());
        } else {
          store.takePage(record.key(), record.value());
        }
      }
      ends.keySet().removeIf(partition -> consumer.position(partition) >= ends.get(partition));
      caughtUp |= ends.isEmpty();
    }
  }

  /** Takes in partitions that were not there before; topics may come later than this. */
  private void discover(Consumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
    Map<String, List<PartitionInfo>> existing = consumer.listTopics(METADATA_TIMEOUT);
    List<TopicPartition> found = new ArrayList<>();
    for (String topic : List.of(topics.bases(), topics.pages())) {
      for (PartitionInfo partition : existing.getOrDefault(topic, List.of())) {
        TopicPartition candidate = new TopicPartition(topic, partition.partition());
        if (!consumer.assignment().contains(candidate)) {
          found.add(candidate);
        }
      }
    }
    if (!found.isEmpty()) {
      List<TopicPartition> all = new ArrayList<>(consumer.assignment());
      all.addAll(found);
      consumer.assign(all);
      consumer.seekToBeginning(found);
      ends.putAll(consumer.endOffsets(found, METADATA_TIMEOUT));
    }
  }

  private Map<String, Object> settings() {
    Map<String, Object> consumer = new HashMap<>(topics.kafka());
    consumer.put(CommonClientConfigs.CLIENT_ID_CONFIG, "millrace-cache");
    consumer.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    consumer.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    consumer.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    consumer.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    consumer.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    consumer.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    return consumer;
  }

  private void pause() {
    try {
      closing.await(RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops following, within a few seconds; what was taken stays. */
  @Override
  public void close() {
    closing.countDown();
    Consumer<byte[], byte[]> consumer = current;
    if (consumer != null) {
      consumer.wakeup();
    }
    try {
      thread.join(TimeUnit.SECONDS.toMillis(5));
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
