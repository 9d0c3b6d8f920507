package io.millrace.app.dashboard;

import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.app.dashboard.PipelineFeed.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * Moves one consumer over the topics of all pipelines: finds partitions as they appear, begins near
 * their end (dictionaries: at the beginning), skips what it cannot keep up with, and keeps each
 * input beside what its pipeline has committed. One thread.
 */
final class TopicFollower {
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(5);

  /** Readings shown again at a start or after a skip. */
  private static final long READINGS_TAIL = 4_000;

  private static final long READINGS_SKIP = 12_000;
  private static final long CODES_TAIL = 2_000;
  private static final long OTHER_TAIL = 200;
  private static final long PAGES_TAIL = 20_000;
  private static final long SKIP = 50_000;

  private record Use(PipelineFeed feed, Role role) {}

  private final Consumer<byte[], byte[]> consumer;
  private final CommittedOffsets committed;
  private final List<PipelineFeed> feeds;
  private final Map<String, List<Use>> uses = new LinkedHashMap<>();

  TopicFollower(
      Consumer<byte[], byte[]> consumer, CommittedOffsets committed, List<PipelineFeed> feeds) {
    this.consumer = consumer;
    this.committed = committed;
    this.feeds = feeds;
    for (PipelineFeed feed : feeds) {
      FollowedPipeline pipeline = feed.pipeline();
      use(pipeline.readings(), feed, Role.READINGS);
      use(pipeline.codes(), feed, Role.CODES);
      use(pipeline.anomalies(), feed, Role.ANOMALIES);
      use(pipeline.dictionaries(), feed, Role.DICTIONARIES);
      use(pipeline.deadLetters(), feed, Role.DEAD_LETTERS);
      use(pipeline.cache().blocks(), feed, Role.BLOCKS);
      use(pipeline.cache().pages(), feed, Role.PAGES);
      use(pipeline.cache().bases(), feed, Role.BASES);
      use(pipeline.federated().rounds(), feed, Role.ROUNDS);
      use(pipeline.federated().versions(), feed, Role.MODEL_VERSIONS);
      use(pipeline.federated().tasks(), feed, Role.TASKS);
      use(pipeline.federated().accounts(), feed, Role.ACCOUNTS);
      use(pipeline.federated().models(), feed, Role.MODELS);
      use(pipeline.federated().updates(), feed, Role.UPDATES);
    }
  }

  private void use(String topic, PipelineFeed feed, Role role) {
    if (!topic.isEmpty()) {
      uses.computeIfAbsent(topic, name -> new ArrayList<>()).add(new Use(feed, role));
    }
  }

  /** Takes in partitions that were not there before; topics may come later than the page. */
  void discover() {
    Set<TopicPartition> assigned = consumer.assignment();
    Map<String, List<PartitionInfo>> existing = consumer.listTopics(METADATA_TIMEOUT);
    List<TopicPartition> found = new ArrayList<>();
    for (String topic : uses.keySet()) {
      for (PartitionInfo partition : existing.getOrDefault(topic, List.of())) {
        TopicPartition candidate = new TopicPartition(topic, partition.partition());
        if (!assigned.contains(candidate)) {
          found.add(candidate);
        }
      }
    }
    if (found.isEmpty()) {
      return;
    }
    Map<TopicPartition, Long> ends = consumer.endOffsets(found, METADATA_TIMEOUT);
    Map<TopicPartition, Long> begins = consumer.beginningOffsets(found, METADATA_TIMEOUT);
    List<TopicPartition> all = new ArrayList<>(assigned);
    all.addAll(found);
    consumer.assign(all);
    for (TopicPartition partition : found) {
      long begin = begins.get(partition);
      consumer.seek(partition, Math.max(begin, ends.get(partition) - tail(partition.topic())));
    }
  }

  private long tail(String topic) {
    return uses.get(topic).stream().mapToLong(use -> tail(use.role())).max().orElse(0);
  }

  private static long tail(Role role) {
    return switch (role) {
      case DICTIONARIES, BASES -> Long.MAX_VALUE / 2;
      case PAGES, ROUNDS, MODEL_VERSIONS, ACCOUNTS -> PAGES_TAIL;
      case READINGS -> READINGS_TAIL;
      case CODES -> CODES_TAIL;
      case ANOMALIES, DEAD_LETTERS, BLOCKS, TASKS, MODELS, UPDATES -> OTHER_TAIL;
    };
  }

  /** Keeps inputs beside their pipelines and skips where the feed is far behind. */
  void steer() {
    Map<TopicPartition, Long> processed = new HashMap<>();
    for (PipelineFeed feed : feeds) {
      if (!feed.pipeline().consumerGroup().isEmpty()) {
        processed.putAll(committed.of(feed.pipeline().consumerGroup()));
      }
    }
    for (TopicPartition partition : consumer.assignment()) {
      Role role = uses.get(partition.topic()).get(0).role();
      long position = consumer.position(partition, METADATA_TIMEOUT);
      if (role == Role.READINGS) {
        steerReadings(partition, position, processed.get(partition));
      } else if (role == Role.MODELS || role == Role.UPDATES) {
        steerSamples(partition, role);
      } else if (role != Role.DICTIONARIES && role != Role.BASES) {
        OptionalLong lag = consumer.currentLag(partition);
        if (lag.isPresent() && lag.getAsLong() > SKIP) {
          consumer.seek(partition, position + lag.getAsLong() - tail(role));
        }
      }
    }
  }

  /** Models and updates may be large, and their size is all that the page wants of them. */
  private void steerSamples(TopicPartition partition, Role role) {
    boolean enough =
        uses.get(partition.topic()).stream().allMatch(use -> use.feed().knowsEnoughOf(role));
    if (enough) {
      consumer.pause(List.of(partition));
    } else {
      consumer.resume(List.of(partition));
    }
  }

  private void steerReadings(TopicPartition partition, long position, Long processed) {
    OptionalLong lag = consumer.currentLag(partition);
    long goal = processed != null ? processed : position + lag.orElse(0);
    if (goal - position > READINGS_SKIP) {
      consumer.seek(partition, goal - READINGS_TAIL);
    }
    if (processed != null && consumer.position(partition, METADATA_TIMEOUT) >= processed) {
      consumer.pause(List.of(partition));
    } else {
      consumer.resume(List.of(partition));
    }
  }

  /**
   * Takes what there is.
   *
   * @param timeout to wait for the first record
   * @param nowMillis clock
   * @return records taken; -1: there is no topic yet, and nothing was waited for
   */
  int poll(Duration timeout, long nowMillis) {
    if (consumer.assignment().isEmpty()) {
      return -1;
    }
    ConsumerRecords<byte[], byte[]> records = consumer.poll(timeout);
    for (ConsumerRecord<byte[], byte[]> record : records) {
      for (Use use : uses.get(record.topic())) {
        use.feed().accept(use.role(), record.key(), record.value(), nowMillis);
      }
    }
    return records.count();
  }
}
