package io.millrace.kafka;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.millrace.operator.Models;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Deployment.Guarantee;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.PipelineMeters;
import io.millrace.runtime.Stage;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One pipeline running on Kafka Streams. */
final class KafkaPipeline implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaPipeline.class);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

  private final String name;
  private final KafkaStreams streams;
  private final List<Stage> stages;
  private final ModelFollower followerOrNull;
  private final CountDownLatch running = new CountDownLatch(1);
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final Runnable restarted;
  private volatile Throwable failure;

  private KafkaPipeline(
      String name,
      List<Stage> stages,
      ModelFollower followerOrNull,
      KafkaStreams streams,
      Runnable restarted) {
    this.name = name;
    this.stages = stages;
    this.followerOrNull = followerOrNull;
    this.streams = streams;
    this.restarted = restarted;
    streams.setUncaughtExceptionHandler(this::respond);
    streams.setStateListener(
        (now, before) -> {
          LOG.info("{}: {} -> {}", name, before, now);
          if (now == KafkaStreams.State.RUNNING) {
            running.countDown();
          }
          if (now.hasCompletedShutdown() || now == KafkaStreams.State.ERROR) {
            running.countDown();
            ended.complete(null);
          }
        });
  }

  /** Plans a pipeline; nothing runs before {@link #start}. */
  static KafkaPipeline of(Deployment deployment, Pipeline pipeline, MeterRegistry registry) {
    TaskMeters meters = new TaskMeters(registry, pipeline.name());
    ModelFollower followerOrNull =
        pipeline.stages().stream()
            .filter(stage -> !stage.following().isNothing())
            .findFirst()
            .map(stage -> new ModelFollower(new HashMap<>(deployment.kafka()), stage.following()))
            .orElse(null);
    Models models = followerOrNull == null ? Models.NONE : followerOrNull;
    KafkaStreams streams =
        new KafkaStreams(
            OperatorTopology.build(deployment, pipeline, models, meters),
            properties(deployment, pipeline.name()));
    Gauge.builder(PipelineMeters.LAG_RECORDS, streams, KafkaPipeline::lag)
        .tags(meters.tags())
        .register(registry);
    return new KafkaPipeline(
        pipeline.name(), pipeline.stages(), followerOrNull, streams, meters::restarted);
  }

  /** Plans a copy of a topic: a topology without operators. */
  static KafkaPipeline copy(Deployment deployment, Topology topology) {
    return new KafkaPipeline(
        "copy",
        List.of(),
        null,
        new KafkaStreams(topology, properties(deployment, "copy")),
        () -> {});
  }

  /** Warms the operators up, catches up with the models, then starts the threads. */
  void start() {
    for (Stage stage : stages) {
      stage.spec().get().operator().warmUp();
    }
    if (followerOrNull != null) {
      followerOrNull.start();
    }
    streams.start();
  }

  /**
   * Waits until every task is assigned and restored.
   *
   * @return false when that takes longer than {@code timeout} or the pipeline failed
   */
  boolean awaitRunning(Duration timeout) throws InterruptedException {
    return running.await(timeout.toMillis(), TimeUnit.MILLISECONDS) && failure == null;
  }

  /** Complete once it has ended. */
  CompletableFuture<Void> ended() {
    return ended;
  }

  /** What ended it, or null while it runs and after {@link #close}. */
  Throwable failureOrNull() {
    return failure;
  }

  @Override
  public void close() {
    streams.close(CLOSE_TIMEOUT);
    if (followerOrNull != null) {
      followerOrNull.close();
    }
  }

  private StreamThreadExceptionResponse respond(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof RetriableException) {
        LOG.warn("{}: {}; a new thread takes over", name, cause.toString());
        restarted.run();
        return StreamThreadExceptionResponse.REPLACE_THREAD;
      }
    }
    LOG.error("{}: stopped", name, error);
    failure = error;
    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
  }

  private static double lag(KafkaStreams streams) {
    return streams.metrics().entrySet().stream()
        .filter(
            metric ->
                metric.getKey().name().equals("records-lag")
                    && metric.getKey().tags().containsKey("partition"))
        .mapToDouble(metric -> ((Number) metric.getValue().metricValue()).doubleValue())
        .filter(Double::isFinite)
        .sum();
  }

  /** Client settings that suit streams of small records; a deployment's own come over these. */
  private static Map<String, String> clientDefaults() {
    return Map.of(
        StreamsConfig.producerPrefix("linger.ms"), "20",
        StreamsConfig.producerPrefix("batch.size"), "131072",
        StreamsConfig.producerPrefix("compression.type"), "lz4",
        StreamsConfig.consumerPrefix("max.poll.records"), "2000");
  }

  /**
   * @param application the pipeline's name, or that of a copy
   */
  static Properties properties(Deployment deployment, String application) {
    Map<String, Object> properties = new HashMap<>(clientDefaults());
    properties.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, SmallRocksDb.class);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, deployment.engine().threads());
    properties.putAll(deployment.kafka());
    properties.putAll(deployment.engineProperties(KafkaStreamsEngine.NAME));
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, deployment.name() + "-" + application);
    properties.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        deployment.engine().guarantee() == Guarantee.EXACTLY_ONCE
            ? StreamsConfig.EXACTLY_ONCE_V2
            : StreamsConfig.AT_LEAST_ONCE);
    properties.put(
        StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, deployment.engine().commitIntervalMillis());
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    if (!deployment.stateDirectory().isEmpty()) {
      properties.put(StreamsConfig.STATE_DIR_CONFIG, deployment.stateDirectory());
    }
    Properties all = new Properties();
    all.putAll(properties);
    return all;
  }
}
