package io.millrace.flink;

import com.fasterxml.jackson.databind.JsonNode;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.millrace.runtime.PipelineMeters;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a job's figures from its cluster into the meters of {@link PipelineMeters}. Counters of
 * Flink begin again with every restart; these go on. One thread.
 */
final class JobFigures {
  /** OPERATOR.millrace.stage.STAGE[.channel.CHANNEL|.reason.REASON].NAME */
  private static final Pattern METRIC =
      Pattern.compile(
          ".*\\."
              + StageMeters.GROUP
              + "\\.stage\\.(?<stage>[^.]+)(\\.(channel|reason)\\.(?<part>[^.]+))?\\.(?<name>[a-z_]+)");

  private final ClusterRest cluster;
  private final String job;
  private final MeterRegistry registry;
  private final Tags tags;
  private final Map<Counter, Double> seen = new HashMap<>();
  private long newestFailure;
  private final AtomicReference<Figures> figures = new AtomicReference<>(new Figures());

  /** Gauges, as of the last look. */
  private static final class Figures {
    private double stateBytes;
    private double keys;
    private double lag;
    private double durationMillis;
    private double checkpointBytes;
    private double checkpointStateBytes;
    private double ageMillis;
  }

  JobFigures(ClusterRest cluster, String job, String pipeline, MeterRegistry registry) {
    this.cluster = cluster;
    this.job = job;
    this.registry = registry;
    this.tags = Tags.of("pipeline", pipeline, "engine", FlinkEngine.NAME);
    gauge(PipelineMeters.STATE_BYTES, () -> figures.get().stateBytes);
    gauge(PipelineMeters.KEYS, () -> figures.get().keys);
    gauge(PipelineMeters.LAG_RECORDS, () -> figures.get().lag);
    gauge(PipelineMeters.CHECKPOINT_DURATION, () -> figures.get().durationMillis);
    gauge(PipelineMeters.CHECKPOINT_BYTES, () -> figures.get().checkpointBytes);
    gauge(PipelineMeters.CHECKPOINT_STATE_BYTES, () -> figures.get().checkpointStateBytes);
    gauge(PipelineMeters.CHECKPOINT_AGE, () -> figures.get().ageMillis);
  }

  /** Looks once. */
  void update() throws IOException, InterruptedException {
    Figures now = new Figures();
    JsonNode details = cluster.job(job);
    for (JsonNode vertex : details.path("vertices")) {
      tasks(vertex.path("id").asText(), now);
    }
    checkpoints(details.path("now").asLong(), now);
    Double restarts = cluster.jobMetrics(job, "numRestarts").get("numRestarts");
    if (restarts != null) {
      count(PipelineMeters.RESTARTS, tags, restarts);
    }
    figures.set(now);
  }

  private void tasks(String vertex, Figures now) throws IOException, InterruptedException {
    List<String> wanted = new ArrayList<>();
    for (String name : cluster.metricNames(job, vertex)) {
      if (METRIC.matcher(name).matches() || name.endsWith("-input.pendingRecords")) {
        wanted.add(name);
      }
    }
    cluster
        .metricSums(job, vertex, wanted)
        .forEach(
            (name, value) -> {
              Matcher metric = METRIC.matcher(name);
              if (metric.matches()) {
                take(metric, value, now);
              } else {
                now.lag += Math.max(0, value);
              }
            });
  }

  private void take(Matcher metric, double value, Figures now) {
    String part = metric.group("part");
    switch (metric.group("name")) {
      case "records_in" ->
          count(PipelineMeters.RECORDS_IN, tags.and("stage", metric.group("stage")), value);
      case "records_out" -> count(PipelineMeters.RECORDS_OUT, tags.and("channel", part), value);
      case "dead_letters" -> count(PipelineMeters.DEAD_LETTERS, tags.and("reason", part), value);
      case "state_written" -> count(PipelineMeters.STATE_WRITTEN, tags, value);
      case "state_bytes" -> now.stateBytes += value;
      case "keys" -> now.keys += value;
      default -> throw new IllegalStateException("unknown metric " + metric.group());
    }
  }

  private void checkpoints(long nowMillis, Figures now) throws IOException, InterruptedException {
    JsonNode checkpoints = cluster.checkpoints(job);
    count(
        PipelineMeters.CHECKPOINTS, tags, checkpoints.path("counts").path("completed").asDouble());
    failures(checkpoints.path("history"));
    JsonNode newest = checkpoints.path("latest").path("completed");
    if (newest.isObject()) {
      now.durationMillis = newest.path("end_to_end_duration").asDouble();
      now.checkpointBytes = newest.path("checkpointed_size").asDouble();
      now.checkpointStateBytes = newest.path("state_size").asDouble();
      now.ageMillis = Math.max(0, nowMillis - newest.path("latest_ack_timestamp").asLong());
    }
  }

  /**
   * Counts failed checkpoints once each. Flink's own count takes those in that could not begin
   * because tasks were still starting, which is no failure: every start would show dozens.
   */
  private void failures(JsonNode history) {
    Counter failed = registry.counter(PipelineMeters.CHECKPOINTS_FAILED, tags);
    long newest = newestFailure;
    for (JsonNode checkpoint : history) {
      long id = checkpoint.path("id").asLong();
      if (checkpoint.path("status").asText().equals("FAILED") && id > newestFailure) {
        failed.increment();
        newest = Math.max(newest, id);
      }
    }
    newestFailure = newest;
  }

  /** Adds what a counter of Flink gained; one that fell began again at 0. */
  private void count(String name, Tags with, double value) {
    Counter counter = registry.counter(name, with);
    double before = seen.getOrDefault(counter, 0.0);
    counter.increment(value >= before ? value - before : value);
    seen.put(counter, value);
  }

  private void gauge(String name, java.util.function.Supplier<Number> value) {
    Gauge.builder(name, value).tags(tags).register(registry);
  }
}
