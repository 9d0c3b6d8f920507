package io.millrace.app.federated;

import io.millrace.client.ClientTopics;
import io.millrace.client.RecordReader;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the compacted topics that clients read into a {@link GatewayShelf}, on a thread of its
 * own. After a lost broker it begins again: records supersede by key.
 */
final class GatewayFollower implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GatewayFollower.class);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final long RETRY_MILLIS = 2_000;

  private final Map<String, ?> kafka;
  private final ClientTopics topics;
  private final GatewayShelf shelf;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "gateway-follower");
  private volatile boolean caughtUp;

  private GatewayFollower(Map<String, ?> kafka, ClientTopics topics, GatewayShelf shelf) {
    this.kafka = kafka;
    this.topics = topics;
    this.shelf = shelf;
  }

  /** Starts to follow. */
  static GatewayFollower start(Map<String, ?> kafka, ClientTopics topics, GatewayShelf shelf) {
    GatewayFollower follower = new GatewayFollower(kafka, topics, shelf);
    follower.thread.setDaemon(true);
    follower.thread.start();
    return follower;
  }

  /** Whether the ends that the topics had at the start have been reached once. */
  boolean isCaughtUp() {
    return caughtUp;
  }

  private void run() {
    while (closing.getCount() > 0) {
      try (RecordReader reader = new RecordReader(kafka)) {
        follow(reader);
      } catch (KafkaException | IllegalStateException e) {
        LOG.warn("the gateway cannot read its topics, trying again: {}", e.getMessage());
        pause();
      }
    }
  }

  private void follow(RecordReader reader) {
    reader.follow(topics.tasks(), true);
    reader.follow(topics.versions(), true);
    reader.follow(topics.memories(), true);
    reader.follow(topics.models(), true);
    Map<TopicPartition, Long> ends = reader.ends();
    while (closing.getCount() > 0) {
      reader.poll(POLL, this::take);
      caughtUp = caughtUp || reader.hasReached(ends);
    }
  }

  private void take(RecordReader.Received record) {
    if (record.topic().equals(topics.models())) {
      shelf.takeChunk(record.key(), record.value());
    } else {
      shelf.take(record.key(), record.value());
    }
  }

  private void pause() {
    try {
      closing.await(RETRY_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops following, within a few seconds. */
  @Override
  public void close() {
    closing.countDown();
    try {
      thread.join(TimeUnit.SECONDS.toMillis(5));
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
