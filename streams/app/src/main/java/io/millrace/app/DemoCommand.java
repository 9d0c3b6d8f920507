package io.millrace.app;

import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.SensorDataset;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.Pipeline;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * {@code millrace demo}: a broker in this process unless one is given, the shipped data sets
 * replayed into it, the pipelines learning from them, and the page.
 */
@Command(
    name = "demo",
    description =
        "Learns from the shipped data sets, live on a page, with nothing else to install.",
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--for",
      paramLabel = "TIME",
      converter = Span.class,
      description = "Stop after this time, for example 30s or 5m (default: when interrupted).")
  private Duration length;

  @Option(names = "--report", paramLabel = "FILE", description = "Write the summary as JSON, too.")
  private Path report;

  @Option(
      names = "--bootstrap-servers",
      description = "Use this cluster (default: a broker inside this process).")
  private String bootstrapServers;

  @Option(
      names = "--port",
      defaultValue = "8080",
      description = "Port of the page, 0 for any (default: ${DEFAULT-VALUE}, or any if taken).")
  private int port;

  @Option(
      names = "--rate",
      defaultValue = "20000",
      description = "Readings per second and data set (default: ${DEFAULT-VALUE}).")
  private double rate;

  @Option(
      names = "--engine",
      paramLabel = "NAME",
      defaultValue = Engines.DEFAULT,
      description = "kafka-streams or flink (default: ${DEFAULT-VALUE}).")
  private String engine;

  @Override
  public Integer call() throws Exception {
    requirePossible();
    PrintWriter out = spec.commandLine().getOut();
    CountDownLatch interrupted = new CountDownLatch(1);
    CountDownLatch finished = new CountDownLatch(1);
    Thread hook =
        new Thread(
            () -> {
              interrupted.countDown();
              try {
                finished.await(40, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "interrupt");
    Runtime.getRuntime().addShutdownHook(hook);
    Path directory = Files.createTempDirectory("millrace-demo");
    try (Broker broker = broker(directory, out)) {
      demo(broker.servers(), directory, interrupted, out);
    } finally {
      try {
        delete(directory);
      } finally {
        finished.countDown();
      }
    }
    return 0;
  }

  /** Refuses what cannot be before anything is started. */
  private void requirePossible() {
    if (port < 0 || port > 65_535) {
      throw new ConfigurationException("--port: got " + port + ", expected 0 to 65535");
    }
    if (!(rate > 0) || Double.isInfinite(rate)) {
      throw new ConfigurationException("--rate: got " + rate + ", expected a number above 0");
    }
    Engines.load(engine);
  }

  private void demo(String servers, Path directory, CountDownLatch interrupted, PrintWriter out)
      throws Exception {
    Deployment deployment = deployment(servers, directory);
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation topics = new TopicCreation(admin);
      topics.apply(topics.plan(DeploymentTopics.of(deployment)));
    }
    say(out, "Starting the pipelines ...");
    List<ReadingReplayer> replays = new ArrayList<>();
    try (RunningDeployment running =
        RunningDeployment.plan(deployment, engine, LaunchSettings.LOCAL)) {
      running.start();
      long start = System.nanoTime();
      for (Pipeline pipeline : deployment.pipelines()) {
        SensorDataset dataset =
            SensorDataset.shipped(pipeline.name())
                .orElseThrow(() -> new IllegalStateException("no data set " + pipeline.name()));
        ReadingReplayer replay =
            new ReadingReplayer(
                dataset, ReplaySettings.forever(pipeline.topic("input"), rate), deployment.kafka());
        replays.add(replay);
        replay.start();
      }
      say(
          out,
          "Learning. Page: "
              + running.page().orElseThrow()
              + (length == null ? "  (Ctrl-C ends the demo)" : ""));
      watch(running, replays, start, interrupted, out);
      replays.forEach(ReadingReplayer::close);
      double seconds = (System.nanoTime() - start) / 1e9;
      Report summary = Report.of(running.snapshot(), seconds, running.page());
      summary.print(out);
      if (report != null) {
        summary.write(report);
        say(out, "Report: " + report);
      }
    } finally {
      replays.forEach(ReadingReplayer::close);
    }
  }

  /** One line every few seconds, until the time is up or the user has had enough. */
  private void watch(
      RunningDeployment running,
      List<ReadingReplayer> replays,
      long startNanos,
      CountDownLatch interrupted,
      PrintWriter out)
      throws InterruptedException {
    long endNanos = length == null ? Long.MAX_VALUE : length.toNanos();
    long nextLine = 5;
    while (true) {
      long passed = System.nanoTime() - startNanos;
      if (passed >= endNanos
          || interrupted.await(Math.min(500_000_000L, endNanos - passed), TimeUnit.NANOSECONDS)) {
        return;
      }
      if (running.failure().isPresent()) {
        throw new IllegalStateException(
            "a pipeline stopped: " + RunningDeployment.rootMessage(running.failure().get()));
      }
      for (ReadingReplayer replay : replays) {
        if (!replay.progress().failure().isEmpty()) {
          throw new IllegalStateException("replay stopped: " + replay.progress().failure());
        }
      }
      if (passed / 1e9 >= nextLine) {
        nextLine += 5;
        StringBuilder line = new StringBuilder();
        running
            .snapshot()
            .pipelines()
            .forEach(
                view ->
                    line.append(
                        String.format(
                            Locale.ROOT,
                            "  %s: %,d readings, version %d, %.1f:1, error %.1f %%",
                            view.name(),
                            view.recordsIn(),
                            view.modelVersions(),
                            view.compressionRatio(),
                            100 * view.relativeError())));
        say(out, String.format(Locale.ROOT, "%4.0f s%s", passed / 1e9, line));
      }
    }
  }

  private Deployment deployment(String servers, Path directory) throws IOException {
    try (InputStream file = DemoCommand.class.getResourceAsStream("/demo/demo.yaml")) {
      String yaml = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      Map<String, String> overrides = new HashMap<>();
      overrides.put("MILLRACE_KAFKA_BOOTSTRAP_SERVERS", servers);
      overrides.put("MILLRACE_STATE_DIRECTORY", directory.resolve("state").toString());
      overrides.put("MILLRACE_DASHBOARD_PORT", Integer.toString(FreePort.orAny(port)));
      return Deployment.parse("demo.yaml", yaml, overrides);
    }
  }

  private Broker broker(Path directory, PrintWriter out) {
    if (bootstrapServers != null) {
      return new Broker(bootstrapServers, () -> {});
    }
    say(out, "Starting a Kafka broker in this process ...");
    EmbeddedBroker embedded = EmbeddedBroker.start(directory.resolve("broker"));
    return new Broker(embedded.bootstrapServers(), embedded::close);
  }

  private record Broker(String servers, Runnable stop) implements AutoCloseable {
    @Override
    public void close() {
      stop.run();
    }
  }

  private static void say(PrintWriter out, String line) {
    out.println(line);
    out.flush();
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** 30s, 5m, 1h. */
  static final class Span implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      if (!text.matches("[1-9][0-9]{0,6}[smh]")) {
        throw new TypeConversionException(text + " is no time, expected for example 30s, 5m or 1h");
      }
      return Duration.parse("PT" + text.toUpperCase(Locale.ROOT));
    }
  }
}
