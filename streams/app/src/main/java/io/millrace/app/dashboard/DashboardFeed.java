package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the topics of all pipelines on a thread of its own, read-committed and without a consumer
 * group, and makes a snapshot twice a second. It takes at most some 40,000 records a second and
 * skips the rest, so that watching a fast pipeline does not cost it its cores.
 *
 * <p>{@link #snapshot()} may be called by any thread.
 */
public final class DashboardFeed implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DashboardFeed.class);
  private static final Duration POLL = Duration.ofMillis(50);
  private static final long PAUSE_MILLIS = 40;
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long DISCOVERY_NANOS = TimeUnit.SECONDS.toNanos(3);
  private static final long RETRY_MILLIS = 2_000;
  private static final int MAX_POLL_RECORDS = 2_000;

  private final FeedSettings settings;
  private final Map<String, Object> clientSettings;
  private final PipelineCounters counters;
  private final List<PipelineFeed> feeds;
  private final Instant startedAt = Instant.now();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "dashboard-feed");
  private volatile DashboardSnapshot latest;

  /** Null while there is none. */
  private volatile Consumer<byte[], byte[]> current;

  private DashboardFeed(
      FeedSettings settings,
      Map<String, Object> clientSettings,
      PipelineCounters counters,
      Observations observations) {
    this.settings = settings;
    this.clientSettings = Map.copyOf(clientSettings);
    this.counters = counters;
    this.feeds =
        settings.pipelines().stream()
            .map(pipeline -> new PipelineFeed(pipeline, observations))
            .toList();
    tick();
  }

  /**
   * Starts to follow.
   *
   * @param settings what to follow
   * @param clientSettings for Kafka clients: bootstrap servers, security
   * @param counters of the pipelines, called by the feed's thread
   */
  public static DashboardFeed start(
      FeedSettings settings, Map<String, Object> clientSettings, PipelineCounters counters) {
    return start(settings, clientSettings, counters, Observations.NONE);
  }

  /**
   * Starts to follow, with others who read what the pipelines write.
   *
   * @param observations what they make of it
   */
  public static DashboardFeed start(
      FeedSettings settings,
      Map<String, Object> clientSettings,
      PipelineCounters counters,
      Observations observations) {
    DashboardFeed feed = new DashboardFeed(settings, clientSettings, counters, observations);
    feed.thread.setDaemon(true);
    feed.thread.start();
    return feed;
  }

  /** The newest snapshot, at most about a second old while the broker answers. */
  public DashboardSnapshot snapshot() {
    return latest;
  }

  private void run() {
    while (closing.getCount() > 0) {
      try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerSettings());
          Admin admin = Admin.create(clientSettings)) {
        current = consumer;
        follow(new TopicFollower(consumer, group -> committed(admin, group), feeds));
      } catch (InterruptException stopped) {
        return;
      } catch (WakeupException woken) {
        LOG.debug("Dashboard feed was woken up, to close");
      } catch (KafkaException failure) {
        LOG.warn("Dashboard lost its broker and will try again: {}", failure.getMessage());
        retry();
      } catch (RuntimeException failure) {
        LOG.error("Dashboard feed failed and will begin again", failure);
        retry();
      } finally {
        current = null;
      }
    }
  }

  private void retry() {
    tick();
    pause(RETRY_MILLIS);
  }

  private void follow(TopicFollower follower) {
    long nextTick = System.nanoTime();
    long nextDiscovery = nextTick;
    while (closing.getCount() > 0) {
      long now = System.nanoTime();
      if (now - nextDiscovery >= 0) {
        follower.discover();
        nextDiscovery = now + DISCOVERY_NANOS;
      }
      int taken = follower.poll(POLL, System.currentTimeMillis());
      if (now - nextTick >= 0) {
        follower.steer();
        tick();
        nextTick = now + TICK_NANOS;
      }
      if (taken < 0 || taken >= MAX_POLL_RECORDS) {
        pause(PAUSE_MILLIS);
      }
    }
  }

  private void tick() {
    long now = System.currentTimeMillis();
    List<PipelineView> pipelines =
        feeds.stream()
            .map(feed -> feed.tick(now, settings.engine(), counters.of(feed.pipeline().name())))
            .toList();
    latest =
        new DashboardSnapshot(
            settings.version(),
            settings.engine(),
            startedAt.toString(),
            (now - startedAt.toEpochMilli()) / 1000.0,
            settings.kernels(),
            pipelines);
  }

  private void pause(long millis) {
    try {
      closing.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private Map<String, Object> consumerSettings() {
    Map<String, Object> consumer = new HashMap<>(clientSettings);
    consumer.put(CommonClientConfigs.CLIENT_ID_CONFIG, "millrace-dashboard");
    consumer.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    consumer.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    consumer.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, IsolationLevel.READ_COMMITTED.toString());
    consumer.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    consumer.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    consumer.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "latest");
    consumer.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, MAX_POLL_RECORDS);
    consumer.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 128 << 10);
    return consumer;
  }

  private static Map<TopicPartition, Long> committed(Admin admin, String group) {
    Map<TopicPartition, Long> offsets = new HashMap<>();
    try {
      Map<TopicPartition, OffsetAndMetadata> known =
          admin
              .listConsumerGroupOffsets(group)
              .partitionsToOffsetAndMetadata()
              .get(2, TimeUnit.SECONDS);
      known.forEach(
          (partition, offset) -> {
            if (offset != null) {
              offsets.put(partition, offset.offset());
            }
          });
    } catch (ExecutionException | TimeoutException notKnown) {
      LOG.debug("Offsets of group {} are not known now", group, notKnown);
    } catch (InterruptedException stopped) {
      throw new InterruptException(stopped);
    }
    return offsets;
  }

  /** Stops following, within a few seconds; the last snapshot stays. */
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
