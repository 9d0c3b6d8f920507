package io.millrace.runtime;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * A deployment file, read and checked.
 *
 * @param name prefix of application ids
 * @param kafka properties of every Kafka client, as they are
 * @param engines properties of each engine, by its name, as they are
 * @param stateDirectory local state; empty: a temporary directory
 * @param engine limits that hold for every pipeline
 * @param dashboard the page
 * @param partitions of topics that this deployment creates
 * @param replication of topics that this deployment creates
 * @param source what it was read from
 */
public record Deployment(
    String name,
    Map<String, String> kafka,
    Map<String, Map<String, String>> engines,
    String stateDirectory,
    EngineSettings engine,
    DashboardSettings dashboard,
    int partitions,
    int replication,
    List<Pipeline> pipelines,
    DeploymentSource source) {

  /**
   * Limits of the engine.
   *
   * @param threads parallelism of each pipeline in this process or cluster
   * @param commitIntervalMillis between transactions or checkpoints; changed state is written at
   *     each
   * @param chunkBytes largest value in the store of state
   * @param heapBudgetBytes of hot state per task
   * @param maximumRecordBytes longer input is refused
   * @param deadLetterBytes of the original that a dead letter keeps
   * @param guarantee of the outputs
   */
  public record EngineSettings(
      int threads,
      int commitIntervalMillis,
      int chunkBytes,
      long heapBudgetBytes,
      int maximumRecordBytes,
      int deadLetterBytes,
      Guarantee guarantee) {

    /**
     * Reads the section {@code engine}.
     *
     * @throws ConfigurationException for impossible values
     */
    public static EngineSettings of(Settings engine) {
      return new EngineSettings(
          engine.integer("threads", 1, 1, 256),
          engine.integer("commit-interval-millis", 500, 10, 60_000),
          engine.integer("chunk-bytes", 256 * 1024, 1024, 1000 * 1000),
          engine.wholeNumber("heap-budget-megabytes", 512, 1, 1 << 20) << 20,
          engine.integer("maximum-record-bytes", 1 << 20, 64, 1 << 28),
          engine.integer("dead-letter-bytes", 64 * 1024, 0, 400_000),
          engine
                  .choice("guarantee", "exactly-once", "exactly-once", "at-least-once")
                  .startsWith("e")
              ? Guarantee.EXACTLY_ONCE
              : Guarantee.AT_LEAST_ONCE);
    }
  }

  /** What a crash may do to the outputs. */
  public enum Guarantee {
    /** Nothing lost, nothing doubled, for readers that read committed records. */
    EXACTLY_ONCE,
    /** Nothing lost; some records may be written again. */
    AT_LEAST_ONCE
  }

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
    Map<String, Map<String, String>> engines = engines(root.section("engines"));
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
            engines,
            root.text("state-directory", ""),
            EngineSettings.of(engine),
            new DashboardSettings(
                dashboard.flag("enabled", true),
                dashboard.text("host", "127.0.0.1"),
                dashboard.integer("port", 8080, 0, 65_535)),
            topics.integer("partitions", 4, 1, 10_000),
            topics.integer("replication", 1, 1, 16),
            List.copyOf(pipelines),
            DeploymentSource.of(file, yaml, environment));
    root.finish();
    return deployment;
  }

  /** Properties of one engine; empty where the file has none. */
  public Map<String, String> engineProperties(String engine) {
    return engines.getOrDefault(engine, Map.of());
  }

  /**
   * Refuses properties that settings of this file stand for.
   *
   * @param engine whose section is checked beside the Kafka clients'
   * @param owned property to what stands for it
   * @throws ConfigurationException for the first one that is set
   */
  public void requireFree(String engine, Map<String, String> owned) {
    refuseOwned("kafka", kafka, owned);
    refuseOwned("engines." + engine, engineProperties(engine), owned);
  }

  private void refuseOwned(
      String section, Map<String, String> properties, Map<String, String> owned) {
    for (String property : properties.keySet()) {
      if (owned.containsKey(property)) {
        throw new ConfigurationException(
            source.file()
                + ": "
                + section
                + "."
                + property
                + ": got a value, expected none here: it is "
                + owned.get(property));
      }
    }
  }

  /** Leaves out the Kafka properties: they may hold secrets. */
  @Override
  public String toString() {
    return "Deployment[name=" + name + ", pipelines=" + pipelines + "]";
  }

  private static Map<String, Map<String, String>> engines(Settings section) {
    Map<String, Map<String, String>> engines = new LinkedHashMap<>();
    for (String engine : section.keys()) {
      engines.put(engine, section.texts(engine));
    }
    return engines;
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
