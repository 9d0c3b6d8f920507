package io.millrace.app;

import io.javalin.util.JavalinBindException;
import io.micrometer.core.instrument.Tag;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.dashboard.ContinuationView;
import io.millrace.app.dashboard.DashboardFeed;
import io.millrace.app.dashboard.DashboardServer;
import io.millrace.app.dashboard.DashboardSnapshot;
import io.millrace.app.dashboard.EvaluationView;
import io.millrace.app.dashboard.FeedSettings;
import io.millrace.app.dashboard.FeedSettings.CacheTopics;
import io.millrace.app.dashboard.FeedSettings.FederatedTopics;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.app.dashboard.Observations;
import io.millrace.app.federated.RoundTicker;
import io.millrace.kernel.Kernels;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.Pipeline;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pipelines of a deployment on their engine, with their meters and their page. For one thread;
 * close from any.
 */
final class RunningDeployment implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunningDeployment.class);
  private static final Duration START_TIMEOUT = Duration.ofMinutes(5);

  private final Deployment deployment;
  private final Engine engine;
  private final EngineRun run;
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  /** Complete once a pipeline has ended: what ended it; empty after {@link #close}. */
  private final CompletableFuture<Optional<Throwable>> end = new CompletableFuture<>();

  /** What is to be closed, first to last: pipelines stop before those who watch them. */
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  private volatile Supplier<Optional<ContinuationView>> continuation = Optional::empty;
  private volatile Supplier<Optional<EvaluationView>> evaluation = Optional::empty;
  private DashboardFeed feedOrNull;
  private DashboardServer serverOrNull;
  private volatile boolean closing;

  private RunningDeployment(Deployment deployment, String engineName, LaunchSettings launch) {
    this.deployment = deployment;
    registry.config().meterFilter(new MeterUnits());
    engine = Engines.load(engineName);
    try {
      run = engine.open(deployment, launch, registry);
    } catch (KafkaException e) {
      throw new IllegalStateException(
          "cluster " + deployment.kafka().get("bootstrap.servers") + ": " + rootMessage(e), e);
    }
    parts.add(run);
  }

  /**
   * Checks all settings; nothing is started, nobody is asked.
   *
   * @throws ConfigurationException for the first that is wrong
   */
  static RunningDeployment plan(Deployment deployment, String engine, LaunchSettings launch) {
    Engines.requireKnown(deployment);
    return new RunningDeployment(deployment, engine, launch);
  }

  /**
   * Starts everything; returns once every pipeline is running. To be closed even if it throws.
   *
   * @throws IllegalStateException when a pipeline does not start, with the reason
   */
  void start() throws InterruptedException {
    LOG.info("kernels: {} ({})", Kernels.provider(), Kernels.reason());
    registry.gauge(
        "millrace.kernels.simd",
        List.of(Tag.of("provider", Kernels.provider())),
        Kernels.provider().startsWith("simd") ? 1 : 0);
    startWatching();
    run.start();
    Thread waiting = new Thread(this::awaitEngine, "await-end");
    waiting.setDaemon(true);
    waiting.start();
    if (!run.awaitRunning(START_TIMEOUT)) {
      throw new IllegalStateException(deployment.name() + " did not start: " + reason());
    }
    startTicking();
    sayReady();
  }

  private synchronized void startTicking() {
    if (!closing) {
      RoundTicker.start(deployment).forEach(parts::addFirst);
    }
  }

  private synchronized void sayReady() {
    if (serverOrNull != null) {
      serverOrNull.ready();
    }
  }

  /** Where the page is, if there is one. */
  synchronized Optional<URI> page() {
    return Optional.ofNullable(serverOrNull).map(DashboardServer::url);
  }

  /** Shows what decoders make of a KV cache's pages, from now on. */
  void show(Supplier<ContinuationView> reading) {
    continuation = () -> Optional.of(reading.get());
  }

  /** Shows how good the versions of a federated model are, from now on. */
  void showEvaluation(Supplier<EvaluationView> measured) {
    evaluation = () -> Optional.of(measured.get());
  }

  /** The engine's own page, if it has one. */
  Optional<URI> engineUi() {
    return run.engineUi();
  }

  /** The engine's name. */
  String engine() {
    return engine.name();
  }

  /** Figures of all pipelines, once started. */
  synchronized DashboardSnapshot snapshot() {
    return feedOrNull.snapshot();
  }

  /** What ended a pipeline, if anything has. */
  Optional<Throwable> failure() {
    return end.getNow(Optional.empty());
  }

  /** Waits until a pipeline ends; returns what ended it, or nothing after {@link #close}. */
  Optional<Throwable> awaitEnd() throws InterruptedException {
    try {
      return end.get();
    } catch (ExecutionException e) {
      return Optional.of(e.getCause());
    }
  }

  /** Whether somebody has begun to close it. */
  boolean isClosing() {
    return closing;
  }

  /** Last message of a chain of causes, or its type where it has none. */
  static String rootMessage(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
  }

  /** Ends it so that the next run goes on from here. A second call waits for the first. */
  @Override
  public synchronized void close() {
    closing = true;
    LogLevels.forTheEnd();
    while (!parts.isEmpty()) {
      try {
        parts.removeFirst().close();
      } catch (Exception e) {
        LOG.warn("while {} was ended: {}", deployment.name(), e.toString());
      }
    }
    end.complete(Optional.empty());
  }

  private synchronized void startWatching() {
    if (closing) {
      throw new IllegalStateException(deployment.name() + " was stopped");
    }
    feedOrNull =
        DashboardFeed.start(
            followed(deployment, engine.name()),
            new HashMap<>(deployment.kafka()),
            new EngineFigures(registry),
            new Observations(() -> continuation.get(), () -> evaluation.get()));
    parts.addLast(feedOrNull);
    var page = deployment.dashboard();
    if (page.enabled()) {
      serverOrNull = serve(page);
      parts.addLast(serverOrNull);
    }
    parts.addFirst(MetricPublisher.start(deployment, registry));
  }

  private DashboardServer serve(Deployment.DashboardSettings page) {
    try {
      return DashboardServer.start(
          new DashboardServer.Settings(
              page.host(), page.port(), Duration.ofMillis(500), 16, Duration.ofSeconds(20)),
          feedOrNull::snapshot,
          registry);
    } catch (JavalinBindException e) {
      throw new ConfigurationException(
          "dashboard.port: got "
              + page.port()
              + ", which cannot be bound on "
              + page.host()
              + ", expected a free port, or 0 for any");
    }
  }

  private void awaitEngine() {
    try {
      end.complete(Optional.ofNullable(run.awaitEnd()));
    } catch (InterruptedException | RuntimeException e) {
      end.completeExceptionally(e);
    }
  }

  private String reason() throws InterruptedException {
    try {
      return end.get(1, TimeUnit.SECONDS)
          .map(RunningDeployment::rootMessage)
          .orElse("it was stopped");
    } catch (ExecutionException e) {
      return rootMessage(e);
    } catch (TimeoutException e) {
      return "not running after " + START_TIMEOUT.toMinutes() + " minutes, the log may say why";
    }
  }

  /** What the page follows of a deployment. */
  static FeedSettings followed(Deployment deployment, String engine) {
    return new FeedSettings(
        Release.version(),
        engine,
        Kernels.provider(),
        deployment.pipelines().stream()
            .map(
                pipeline ->
                    new FollowedPipeline(
                        pipeline.name(),
                        pipeline.family(),
                        deployment.name() + "-" + pipeline.name(),
                        // other families have other records on their input
                        pipeline.topicOrNone("codes").isEmpty() ? "" : pipeline.topic("input"),
                        pipeline.topicOrNone("codes"),
                        pipeline.topicOrNone("anomalies"),
                        pipeline.topicOrNone("dictionaries"),
                        pipeline.deadLetterTopic(),
                        cache(pipeline),
                        federated(pipeline)))
            .toList());
  }

  private static CacheTopics cache(Pipeline pipeline) {
    return pipeline.topicOrNone("pages").isEmpty()
        ? CacheTopics.NONE
        : new CacheTopics(
            pipeline.topic("input"), pipeline.topic("pages"), pipeline.topicOrNone("bases"));
  }

  private static FederatedTopics federated(Pipeline pipeline) {
    return pipeline.topicOrNone("rounds").isEmpty()
        ? FederatedTopics.NONE
        : new FederatedTopics(
            pipeline.topic("control"),
            pipeline.topic("updates"),
            pipeline.topic("rounds"),
            pipeline.topic("versions"),
            pipeline.topic("tasks"),
            pipeline.topic("accounts"),
            pipeline.topic("models"));
  }
}
