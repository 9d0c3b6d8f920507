package io.millrace.app;

import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What all demos take, and where they run: a broker and a folder that are gone afterwards. */
final class DemoOptions {
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
      names = "--engine",
      paramLabel = "NAME",
      defaultValue = Engines.DEFAULT,
      description = "kafka-streams or flink (default: ${DEFAULT-VALUE}).")
  private String engine;

  /** A demo at its place. */
  @FunctionalInterface
  interface Body {
    /**
     * @param servers of the broker
     * @param directory for state
     * @param interrupted counted down when the user has had enough
     */
    void run(String servers, Path directory, CountDownLatch interrupted) throws Exception;
  }

  /** Refuses what cannot be before anything is started. */
  void requirePossible() {
    if (port < 0 || port > 65_535) {
      throw new ConfigurationException("--port: got " + port + ", expected 0 to 65535");
    }
    Engines.load(engine);
  }

  /** As {@link #requirePossible}, where the engine runs in another process. */
  void requireEngine() {
    if (port < 0 || port > 65_535) {
      throw new ConfigurationException("--port: got " + port + ", expected 0 to 65535");
    }
    if (!Engines.names().contains(engine)) {
      throw new ConfigurationException(
          "--engine: got " + engine + ", expected one of " + Engines.names());
    }
  }

  /** For the page: the one asked for, or any if it is taken. */
  int freePort() {
    return FreePort.orAny(port);
  }

  String engine() {
    return engine;
  }

  /** Null: until interrupted. */
  Duration lengthOrNull() {
    return length;
  }

  /** Null: none is wanted. */
  Path reportOrNull() {
    return report;
  }

  /** Runs a demo and clears away after it, also when the process is interrupted. */
  void run(PrintWriter out, Body body) throws Exception {
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
      body.run(broker.servers(), directory, interrupted);
    } finally {
      try {
        delete(directory);
      } finally {
        finished.countDown();
      }
    }
  }

  /** A shipped deployment, for this run. */
  Deployment deployment(String resource, String servers, Path directory) throws IOException {
    try (InputStream file = DemoOptions.class.getResourceAsStream("/demo/" + resource)) {
      String yaml = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      Map<String, String> overrides = new HashMap<>();
      overrides.put("MILLRACE_KAFKA_BOOTSTRAP_SERVERS", servers);
      overrides.put("MILLRACE_STATE_DIRECTORY", directory.resolve("state").toString());
      overrides.put("MILLRACE_DASHBOARD_PORT", Integer.toString(FreePort.orAny(port)));
      return Deployment.parse(resource, yaml, overrides);
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

  static void say(PrintWriter out, String line) {
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
