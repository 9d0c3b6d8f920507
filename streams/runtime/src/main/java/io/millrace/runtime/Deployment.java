package io.millrace.runtime;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A deployment file, read and checked.
 *
 * @param name prefix of application ids
 * @param kafka properties of every Kafka client, as they are
 * @param streams properties of the Kafka Streams runtime beside those
 * @param stateDirectory local state; empty: a temporary directory
 * @param engine limits that hold for every pipeline
 * @param dashboard the page
 * @param partitions of topics that this deployment creates
 * @param replication of topics that this deployment creates
 */
public record Deployment(
    String name,
    Map<String, String> kafka,
    Map<String, String> streams,
    String stateDirectory,
    EngineSettings engine,
    DashboardSettings dashboard,
    int partitions,
    int replication,
    List<Pipeline> pipelines) {

  /** Kafka properties that settings of this file stand for, and which. */
  private static final Map<String, String> OWNED =
      Map.of(
          "application.id", "made of name and the pipeline's name",
          "processing.guarantee", "always exactly_once_v2",
          "state.dir", "set by state-directory",
          "num.stream.threads", "set by engine.threads",
          "commit.interval.ms", "set by engine.commit-interval-millis",
          "statestore.cache.max.bytes", "always 0: hot state has its own heap budget");

  /**
   * Limits of the engine.
   *
   * @param threads stream threads per pipeline
   * @param commitIntervalMillis between transactions; changed state is written at each
   * @param chunkBytes largest value in the changelog
   * @param heapBudgetBytes of hot state per task
   * @param maximumRecordBytes longer input is refused
   * @param deadLetterBytes of the original that a dead letter keeps
   */
  public record EngineSettings(
      int threads,
      int commitIntervalMillis,
      int chunkBytes,
      long heapBudgetBytes,
      int maximumRecordBytes,
      int deadLetterBytes) {}

  /** The page: off unless enabled, on the loopback address unless told otherwise. */
  public record DashboardSettings(boolean enabled, String host, int port) {}

  /**
   * Reads a deployment file.
   *
   * @param file its name, for messages
   * @param environment variables that may override scalars; {@code MILLRACE_KAFKA_X_Y} also sets
   *     the Kafka property {@code x.y}
   * @throws ConfigurationException with file, key, what was got and what was expected
   */
  public static Deployment parse(String file, String yaml, Map<String, String> environment) {
    Settings root = Settings.parse(file, yaml, environment);
    String name = name(root, "name");
    Map<String, String> kafka = root.texts("kafka");
    environment.forEach(
        (variable, value) -> {
          if (variable.startsWith("MILLRACE_KAFKA_")) {
            kafka.put(
                variable
                    .substring("MILLRACE_KAFKA_".length())
                    .toLowerCase(Locale.ROOT)
                    .replace('_', '.'),
                value);
          }
        });
    Map<String, String> streams = root.texts("streams");
    requireFree(root, "kafka", kafka);
    requireFree(root, "streams", streams);
    if (!kafka.containsKey("bootstrap.servers")) {
      throw root.refuse("kafka.bootstrap.servers", "nothing", "host:port of at least one broker");
    }
    Settings engine = root.section("engine");
    Settings dashboard = root.section("dashboard");
    Settings topics = root.section("topics");
    List<Pipeline> pipelines = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Settings section : root.sections("pipelines")) {
      Pipeline pipeline = Catalog.pipeline(section, name(section, "name"));
      if (!names.add(pipeline.name())) {
        throw section.refuse("name", pipeline.name() + " twice", "unique names");
      }
      pipelines.add(pipeline);
    }
    if (pipelines.isEmpty()) {
      throw root.refuse("pipelines", "none", "at least one pipeline");
    }
    Deployment deployment =
        new Deployment(
            name,
            kafka,
            streams,
            root.text("state-directory", ""),
            engine(engine),
            new DashboardSettings(
                dashboard.flag("enabled", true),
                dashboard.text("host", "127.0.0.1"),
                dashboard.integer("port", 8080, 0, 65_535)),
            topics.integer("partitions", 4, 1, 10_000),
            topics.integer("replication", 1, 1, 16),
            List.copyOf(pipelines));
    root.finish();
    return deployment;
  }

  /** Leaves out the Kafka properties: they may hold secrets. */
  @Override
  public String toString() {
    return "Deployment[name=" + name + ", pipelines=" + pipelines + "]";
  }

  private static void requireFree(Settings root, String section, Map<String, String> properties) {
    for (String property : properties.keySet()) {
      if (OWNED.containsKey(property)) {
        throw root.section(section)
            .refuse(property, "a value", "none here: it is " + OWNED.get(property));
      }
    }
  }

  private static EngineSettings engine(Settings engine) {
    return new EngineSettings(
        engine.integer("threads", 1, 1, 256),
        engine.integer("commit-interval-millis", 500, 10, 60_000),
        engine.integer("chunk-bytes", 256 * 1024, 1024, 1000 * 1000),
        engine.wholeNumber("heap-budget-megabytes", 512, 1, 1 << 20) << 20,
        engine.integer("maximum-record-bytes", 1 << 20, 64, 1 << 28),
        engine.integer("dead-letter-bytes", 64 * 1024, 0, 400_000));
  }

  /** Names become topic names and application ids. */
  private static String name(Settings settings, String key) {
    String name = settings.requiredText(key);
    if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}")) {
      throw settings.refuse(
          key, '"' + name + '"', "1 to 100 letters, digits, dots, dashes or underscores");
    }
    return name;
  }
}
