package io.millrace.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One deployment file with one pipeline, and the processes that run it.
 *
 * @param name of deployment, pipeline and output topics
 * @param input topic
 * @param settings of the pipeline beyond its name and input, YAML lines without indentation
 * @param threads stream threads of each process
 * @param directory of configuration, state and logs
 */
record Deployment(
    String name,
    String input,
    List<String> settings,
    int threads,
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

  void createTopics(int partitions) {
    for (String channel : CHANNELS) {
      boolean model = channel.equals("dictionaries");
      cluster.createTopic(
          topic(channel), partitions, model ? Map.of("cleanup.policy", "compact") : Map.of());
    }
    cluster.createTopic(deadLetters(), 1, Map.of());
  }

  /** Starts a process; several instances share the work. */
  JavaProcess start(int instance) {
    try {
      Files.createDirectories(directory);
      Path file = directory.resolve(name + "-" + instance + ".yaml");
      Files.write(file, yaml(instance));
      return JavaProcess.start(
          name + "-" + instance,
          directory,
          List.of("-Xmx512m"),
          Map.of(),
          List.of("io.millrace.app.Millrace", "run", "-c", file.toString()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long committedReadings() {
    return cluster.committedOffset(group(), input);
  }

  long lag() {
    return cluster.lag(group(), input);
  }

  private List<String> yaml(int instance) {
    List<String> lines =
        new ArrayList<>(
            List.of(
                "name: " + name,
                "state-directory: " + stateDirectory(instance),
                "kafka:",
                "  bootstrap.servers: " + cluster.client().get("bootstrap.servers"),
                "streams:",
                // A killed process is a dead group member and an open transaction until these end.
                "  session.timeout.ms: 2000",
                "  heartbeat.interval.ms: 400",
                "  transaction.timeout.ms: 8000",
                "engine:",
                "  threads: " + threads,
                "  commit-interval-millis: 300",
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
