package io.millrace.app;

import io.javalin.util.JavalinBindException;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.dashboard.DashboardFeed;
import io.millrace.app.dashboard.DashboardServer;
import io.millrace.app.dashboard.DashboardSnapshot;
import io.millrace.app.dashboard.FeedSettings;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.app.dashboard.PipelineCounters;
import io.millrace.kernel.Kernels;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.PipelineMeters;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The pipelines of a deployment in this process, with their meters and their page. */
final class RunningDeployment implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunningDeployment.class);
  private static final Duration START_TIMEOUT = Duration.ofMinutes(5);

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final EngineRun run;
  private final DashboardFeed feed;
  private final DashboardServer serverOrNull;
  private final MetricPublisher publisher;

  private RunningDeployment(Deployment deployment, String engineName, LaunchSettings launch) {
    Engine engine = Engines.load(engineName);
    LOG.info("kernels: {} ({})", Kernels.provider(), Kernels.reason());
    registry.gauge(
        "millrace.kernels.simd",
        List.of(Tag.of("provider", Kernels.provider())),
        Kernels.provider().startsWith("simd") ? 1 : 0);
    run = engine.open(deployment, launch, registry);
    Map<String, Object> clients = new HashMap<>(deployment.kafka());
    feed = DashboardFeed.start(page(deployment, engine), clients, counters(registry));
    var page = deployment.dashboard();
    serverOrNull = page.enabled() ? serve(page) : null;
    publisher = MetricPublisher.start(deployment, registry);
  }

  private DashboardServer serve(Deployment.DashboardSettings page) {
    try {
      return DashboardServer.start(
          new DashboardServer.Settings(
              page.host(), page.port(), Duration.ofMillis(500), 16, Duration.ofSeconds(20)),
          feed::snapshot,
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

  /** Starts everything; returns once every pipeline is running. */
  static RunningDeployment start(Deployment deployment, String engine, LaunchSettings launch)
      throws InterruptedException {
    Engines.requireKnown(deployment);
    RunningDeployment running = new RunningDeployment(deployment, engine, launch);
    try {
      running.run.start();
      if (!running.run.awaitRunning(START_TIMEOUT)) {
        throw new IllegalStateException(
            deployment.name() + " did not start; the log has the reason");
      }
      if (running.serverOrNull != null) {
        running.serverOrNull.ready();
      }
      return running;
    } catch (InterruptedException | RuntimeException e) {
      running.close();
      throw e;
    }
  }

  /** Where the page is, if there is one. */
  Optional<URI> page() {
    return Optional.ofNullable(serverOrNull).map(DashboardServer::url);
  }

  DashboardSnapshot snapshot() {
    return feed.snapshot();
  }

  /** Waits until a pipeline ends; returns what ended it, or null after {@link #close}. */
  Throwable awaitEnd() throws InterruptedException {
    return run.awaitEnd();
  }

  @Override
  public void close() {
    publisher.close();
    run.close();
    if (serverOrNull != null) {
      serverOrNull.close();
    }
    feed.close();
  }

  private static FeedSettings page(Deployment deployment, Engine engine) {
    return new FeedSettings(
        Release.version(),
        engine.name(),
        Kernels.provider(),
        deployment.pipelines().stream()
            .map(
                pipeline ->
                    new FollowedPipeline(
                        pipeline.name(),
                        pipeline.family(),
                        deployment.name() + "-" + pipeline.name(),
                        pipeline.topic("input"),
                        pipeline.topic("codes"),
                        pipeline.topic("anomalies"),
                        pipeline.topic("dictionaries"),
                        pipeline.deadLetterTopic()))
            .toList());
  }

  private static PipelineCounters counters(MeterRegistry registry) {
    return pipeline -> {
      Map<String, Long> refused = new TreeMap<>();
      registry
          .find(PipelineMeters.DEAD_LETTERS)
          .tag("pipeline", pipeline)
          .counters()
          .forEach(
              counter ->
                  refused.merge(
                      counter.getId().getTag("reason"), (long) counter.count(), Long::sum));
      long in =
          registry
              .find(PipelineMeters.RECORDS_IN)
              .tag("pipeline", pipeline)
              .tag("stage", "sensors")
              .counters()
              .stream()
              .mapToLong(counter -> (long) counter.count())
              .sum();
      long out =
          registry.find(PipelineMeters.RECORDS_OUT).tag("pipeline", pipeline).counters().stream()
              .mapToLong(counter -> (long) counter.count())
              .sum();
      return new PipelineCounters.Counts(
          in,
          out,
          gauge(registry, PipelineMeters.LAG_RECORDS, pipeline),
          gauge(registry, PipelineMeters.STATE_BYTES, pipeline),
          gauge(registry, PipelineMeters.KEYS, pipeline),
          refused);
    };
  }

  private static long gauge(MeterRegistry registry, String name, String pipeline) {
    return registry.find(name).tag("pipeline", pipeline).gauges().stream()
        .mapToLong(gauge -> (long) gauge.value())
        .sum();
  }
}
