package io.millrace.app.cohort;

import io.millrace.app.dashboard.EvaluationView.PointView;
import io.millrace.app.federation.FederatedTask;
import io.millrace.client.ClientTopics;
import io.millrace.client.ModelAssembly;
import io.millrace.client.VersionLog;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.VersionCommit;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Follows a model's versions as they are committed, puts each together from its chunks, checks its
 * digests and its lineage, and counts how many test images it is right about. Sees nothing that
 * clients do not see. A thread of its own; {@link #points} may be called by any.
 */
public final class VersionJudge implements AutoCloseable {
  private static final int MOST_POINTS = 1_000;
  private static final int OPEN_VERSIONS = 8;
  private static final Duration POLL = Duration.ofMillis(200);

  private final FederatedTask task;
  private final String model;
  private final ClientTopics topics;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final SingleObject<VersionCommit> commits = SingleObject.of(VersionCommit.class);
  private final SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
  private final VersionLog lineage = new VersionLog();
  private final TreeMap<Long, VersionCommit> committed = new TreeMap<>();
  private final TreeMap<Long, Map<Integer, ModelChunk>> arrived = new TreeMap<>();
  private final TreeMap<Long, PointView> points = new TreeMap<>();
  private final Thread thread = new Thread(this::follow, "version-judge");
  private volatile String failure = "";

  private VersionJudge(
      FederatedTask task, String model, ClientTopics topics, Map<String, String> kafka) {
    this.task = task;
    this.model = model;
    this.topics = topics;
    Map<String, Object> settings = new HashMap<>(kafka);
    settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /**
   * Begins with the first version there is.
   *
   * @param kafka settings of the connection
   */
  public static VersionJudge start(
      FederatedTask task, String model, ClientTopics topics, Map<String, String> kafka) {
    VersionJudge judge = new VersionJudge(task, model, topics, kafka);
    judge.thread.setDaemon(true);
    judge.thread.start();
    return judge;
  }

  /** Accuracy by version, rising. */
  public synchronized List<PointView> points() {
    return List.copyOf(points.values());
  }

  /** What ended it, such as a version that is not what its commit says; empty: nothing. */
  public String failure() {
    return failure;
  }

  private void follow() {
    try (consumer) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : List.of(topics.versions(), topics.models())) {
        consumer
            .partitionsFor(topic)
            .forEach(one -> partitions.add(new TopicPartition(topic, one.partition())));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (true) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          take(record);
        }
        judge();
      }
    } catch (WakeupException | InterruptException closed) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      failure = e.toString();
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    String key = new String(record.key(), StandardCharsets.UTF_8);
    if (record.value() == null || !key.startsWith(model + '@')) {
      return;
    }
    if (record.topic().equals(topics.versions())) {
      VersionCommit commit = commits.decode(record.value());
      lineage.accept(commit);
      committed.put(commit.getVersion(), commit);
    } else {
      ModelChunk chunk = chunks.decode(record.value());
      arrived
          .computeIfAbsent(chunk.getVersion(), any -> new HashMap<>())
          .put(chunk.getChunk(), chunk);
    }
    // chunks that are gone from a compacted topic will never come
    while (committed.size() > OPEN_VERSIONS) {
      committed.pollFirstEntry();
    }
    while (arrived.size() > OPEN_VERSIONS) {
      arrived.pollFirstEntry();
    }
  }

  private void judge() {
    for (VersionCommit commit : List.copyOf(committed.values())) {
      Map<Integer, ModelChunk> parts = arrived.getOrDefault(commit.getVersion(), Map.of());
      int count = commit.getChunkDigests().size();
      if (parts.size() < count) {
        continue;
      }
      ModelAssembly assembly =
          new ModelAssembly(commit, parts.values().iterator().next().getSchemaHash(), count);
      parts.values().forEach(assembly::accept);
      if (!assembly.isComplete()) {
        throw new IllegalStateException(assembly.refusal());
      }
      double accuracy = task.accuracy(assembly.version().values());
      committed.remove(commit.getVersion());
      arrived.remove(commit.getVersion());
      synchronized (this) {
        points.put(commit.getVersion(), new PointView(commit.getVersion(), accuracy));
        if (points.size() > MOST_POINTS) {
          points.pollFirstEntry();
        }
      }
    }
  }

  @Override
  public void close() {
    consumer.wakeup();
    try {
      thread.join(5_000);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }
}
