package io.millrace.app.bench;

import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicSpec;
import io.millrace.runtime.Deployment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.RetriableException;

/** A broker for benchmarks with topics of one partition, and everything else on a disk, for now. */
final class BenchBroker implements AutoCloseable {
  private final Path directory;
  private final EmbeddedBroker broker;
  private final Admin admin;

  private BenchBroker(Path directory, EmbeddedBroker broker) {
    this.directory = directory;
    this.broker = broker;
    this.admin = ClusterConnection.open(Map.of("bootstrap.servers", broker.bootstrapServers()));
  }

  static BenchBroker start() throws IOException {
    Path directory = Files.createTempDirectory("millrace-bench");
    return new BenchBroker(directory, EmbeddedBroker.start(directory.resolve("broker")));
  }

  String servers() {
    return broker.bootstrapServers();
  }

  /** A directory for the state of one run; it goes with {@link #close} or {@link #clear}. */
  Path directory(String run) {
    return directory.resolve(run);
  }

  /** Starts an engine, with its log beside the broker's directory. */
  EngineProcess startEngine(String engine) {
    return EngineProcess.start(engine, directory.resolve(engine + ".log"));
  }

  /** Creates the topics of a deployment, and others, as far as they are missing. */
  void createTopics(String deployment, String... others) {
    TopicCreation topics = new TopicCreation(admin);
    List<TopicSpec> wanted =
        new ArrayList<>(DeploymentTopics.of(Deployment.parse("bench.yaml", deployment, Map.of())));
    for (String other : others) {
      wanted.add(new TopicSpec(other, 1, 1, Map.of()));
    }
    topics.apply(topics.plan(wanted));
  }

  /** Offset that a group has committed in the only partition of a topic; 0 before it has. */
  long committed(String group, String topic) throws InterruptedException {
    try {
      var offset =
          admin
              .listConsumerGroupOffsets(group)
              .partitionsToOffsetAndMetadata()
              .get()
              .get(new TopicPartition(topic, 0));
      return offset == null ? 0 : offset.offset();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof GroupIdNotFoundException
          || e.getCause() instanceof RetriableException) {
        return 0;
      }
      throw new IllegalStateException("offsets of " + group + ": " + e.getCause().getMessage(), e);
    }
  }

  /** Where what is committed ends in the only partition of a topic. */
  long readable(String topic) throws InterruptedException {
    TopicPartition partition = new TopicPartition(topic, 0);
    try {
      return admin
          .listOffsets(
              Map.of(partition, OffsetSpec.latest()),
              new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
          .partitionResult(partition)
          .get()
          .offset();
    } catch (ExecutionException e) {
      throw new IllegalStateException("end of " + topic + ": " + e.getCause().getMessage(), e);
    }
  }

  /** Removes what a run left. */
  void clear(String run) {
    delete(directory(run));
  }

  @Override
  public void close() {
    admin.close();
    broker.close();
    delete(directory);
  }

  private static void delete(Path root) {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(root + " cannot be removed", e);
    }
  }
}
