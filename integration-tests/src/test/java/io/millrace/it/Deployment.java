package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.app.topics.TopicsCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;

/**
 * One deployment file with one pipeline, and the processes that run it.
 *
 * @param name of deployment, pipeline and output topics
 * @param input topic
 * @param settings of the pipeline beyond its name and input, YAML lines without indentation
 * @param partitions of the topics that it creates
 * @param threads stream threads of each process
 * @param simd whether its processes get the vector module; without it they run the scalar twins
 * @param directory of configuration, state and logs
 */
record Deployment(
    String name,
    String input,
    List<String> settings,
    int partitions,
    int threads,
    boolean simd,
    Path directory,
    Cluster cluster) {
  /** Output channels whose bytes must not depend on how often a process was killed. */
  static final List<String> CHANNELS = List.of("codes", "anomalies", "dictionaries");

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

  /** Starts a process; several instances share the work. */
  JavaProcess start(int instance) {
    return JavaProcess.startApp(
        name + "-" + instance,
        directory,
        simd ? List.of("-Xmx512m", "--add-modules=jdk.incubator.vector") : List.of("-Xmx512m"),
        Map.of(),
        List.of("run", "-c", file(instance).toString()));
  }

  long committedReadings() {
    return cluster.committedOffset(group(), input);
  }

  long lag() {
    return cluster.lag(group(), input);
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
                "engine:",
                "  threads: " + threads,
                "  commit-interval-millis: 300",
                "topics:",
                "  partitions: " + partitions,
                "dashboard:",
                "  enabled: false",
                "pipelines:",
                "- name: " + name,
                "  operator: sensor-dictionary",
                "  input: " + input));
    settings.forEach(line -> lines.add("  " + line));
    return lines;
  }
}
