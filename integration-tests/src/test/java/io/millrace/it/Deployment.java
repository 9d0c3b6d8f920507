package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.topics.TopicsCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/**
 * One deployment file with one pipeline, and the processes that run it.
 *
 * @param name of deployment, pipeline and output topics
 * @param input topic; empty: the pipeline has inputs of its own
 * @param pipeline its operator and settings
 * @param partitions of the topics that it creates
 * @param threads stream threads of each process
 * @param simd whether its processes get the vector module; without it they run the scalar twins
 * @param flink properties of Flink beyond those of every test, YAML lines
 * @param directory of configuration, state and logs
 */
record Deployment(
    String name,
    String input,
    TestedPipeline pipeline,
    int partitions,
    int threads,
    boolean simd,
    List<String> flink,
    Path directory,
    Cluster cluster) {

  /** Without further properties of Flink. */
  Deployment(
      String name,
      String input,
      TestedPipeline pipeline,
      int partitions,
      int threads,
      boolean simd,
      Path directory,
      Cluster cluster) {
    this(name, input, pipeline, partitions, threads, simd, List.of(), directory, cluster);
  }

  private static final Duration PROGRESS = Duration.ofSeconds(120);
  private static final Duration CATCH_UP = Duration.ofSeconds(180);

  String topic(String channel) {
    return name + "." + channel;
  }

  String deadLetters() {
    return topic("dead-letters");
  }

  /** Consumer group of the stage that reads the input. */
  String group() {
    return name + "-" + name;
  }

  Path stateDirectory(int instance) {
    return directory.resolve("state-" + instance);
  }

  /** Creates what it needs beside its input, as a user would. */
  void createTopics() {
    StringWriter said = new StringWriter();
    CommandLine topics = new CommandLine(new TopicsCommand());
    topics.setOut(new PrintWriter(said)).setErr(new PrintWriter(said));
    assertEquals(0, topics.execute("-c", file(0).toString(), "--yes"), said::toString);
  }

  /** The same with another number of threads. */
  Deployment withThreads(int number) {
    return new Deployment(
        name, input, pipeline, partitions, number, simd, flink, directory, cluster);
  }

  /** The same with further properties of Flink, YAML lines. */
  Deployment withFlink(String... properties) {
    return new Deployment(
        name, input, pipeline, partitions, threads, simd, List.of(properties), directory, cluster);
  }

  /** Starts a process on Kafka Streams; several instances share the work. */
  JavaProcess start(int instance) {
    return start(instance, List.of());
  }

  /** Starts a process on Flink, a cluster of its own or, with {@code --cluster URL}, another. */
  JavaProcess startFlink(int instance, String... options) {
    List<String> flink = new ArrayList<>(List.of("--engine", "flink"));
    flink.addAll(List.of(options));
    return start(instance, flink);
  }

  private JavaProcess start(int instance, List<String> options) {
    List<String> command = new ArrayList<>(List.of("run", "-c", file(instance).toString()));
    command.addAll(options);
    return JavaProcess.startApp(
        name + "-" + instance,
        directory,
        simd ? List.of("-Xmx512m", "--add-modules=jdk.incubator.vector") : List.of("-Xmx512m"),
        Map.of(),
        command);
  }

  long committedReadings() {
    return cluster.committedOffset(group(), input);
  }

  long lag() {
    return cluster.lag(group(), input);
  }

  /** Waits until more readings are committed than before. */
  void awaitProgress(JavaProcess app, long before) {
    Await.until(
        () -> name + " commits past " + before + "; its log ends\n" + app.logTail(),
        PROGRESS,
        () -> {
          assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
          return committedReadings() > before;
        });
  }

  /** Waits until all readings that were sent are committed. */
  void awaitCaughtUp(JavaProcess app) {
    Await.until(
        () -> name + " catches up, lag " + lag() + "\n" + app.logTail(),
        CATCH_UP,
        () -> {
          assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
          return lag() == 0;
        });
  }

  /** Where its Flink jobs keep checkpoints and savepoints. */
  Path checkpoints() {
    return directory.resolve("checkpoints");
  }

  /** Writes the deployment file of an instance. */
  Path file(int instance) {
    try {
      Files.createDirectories(directory);
      return Files.write(directory.resolve(name + "-" + instance + ".yaml"), yaml(instance));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> yaml(int instance) {
    List<String> lines =
        new ArrayList<>(
            List.of(
                "name: " + name,
                "state-directory: " + stateDirectory(instance),
                "kafka:",
                "  bootstrap.servers: " + cluster.client().get("bootstrap.servers"),
                "engines:",
                "  kafka-streams:",
                // A killed process is a dead group member and an open transaction until these end.
                "    session.timeout.ms: 2000",
                "    heartbeat.interval.ms: 400",
                "    transaction.timeout.ms: 8000",
                "  flink:",
                "    execution.checkpointing.dir: " + checkpoints().toUri(),
                // Kills come faster here than a pause between restarts is meant for.
                "    restart-strategy.exponential-delay.max-backoff: 1 s",
                "engine:",
                "  threads: " + threads,
                "  commit-interval-millis: " + pipeline.commitMillis(),
                "topics:",
                "  partitions: " + partitions,
                "dashboard:",
                "  enabled: false",
                "pipelines:",
                "- name: " + name,
                "  operator: " + pipeline.operator()));
    if (!input.isEmpty()) {
      lines.add("  input: " + input);
    }
    pipeline.settings().forEach(line -> lines.add("  " + line));
    lines.addAll(lines.indexOf("  flink:") + 1, flink.stream().map(line -> "    " + line).toList());
    return lines;
  }
}
