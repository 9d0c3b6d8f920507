package io.millrace.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The Compose file of {@code docker/}, up on ports of its own; down with its volumes at close. */
final class ComposeStack implements AutoCloseable {
  private static final String PROJECT = "millrace-it";
  private static final String NONE =
      "neither \"docker compose\" nor docker-compose is here, so the Compose test is skipped";

  /** A published port, by the variable of the Compose file that moves it. */
  enum Port {
    KAFKA_PORT,
    PAGE_PORT,
    FLINK_PAGE_PORT,
    FLINK_PORT,
    PROMETHEUS_PORT,
  }

  private final List<String> compose;
  private final Map<String, String> settings;
  private final Map<Port, Integer> ports = new EnumMap<>(Port.class);

  private ComposeStack(List<String> compose, Map<String, String> settings) {
    this.compose = compose;
    this.settings = settings;
    for (Port port : Port.values()) {
      ports.put(port, freePort());
    }
  }

  /**
   * Brings everything up; returns when every service's dependencies were content. Skips the calling
   * test, with one line, where Compose is missing.
   *
   * @param settings variables of the Compose file
   */
  static ComposeStack up(Map<String, String> settings) {
    List<String> compose = compose();
    if (compose.isEmpty()) {
      System.out.println("Skipped: " + NONE);
    }
    assumeTrue(!compose.isEmpty(), NONE);
    ComposeStack stack = new ComposeStack(compose, settings);
    stack.close(); // What a killed run left.
    try {
      stack.call("up", "-d");
      return stack;
    } catch (RuntimeException e) {
      IllegalStateException failure =
          new IllegalStateException(stack.call("logs", "--no-color", "--tail=30"), e);
      stack.close();
      throw failure;
    }
  }

  int port(Port port) {
    return ports.get(port);
  }

  URI at(Port port, String path) {
    return URI.create("http://127.0.0.1:" + port(port) + path);
  }

  /** Starts a service that has ended. */
  void start(String service) {
    call("start", service);
  }

  /** Last lines of a service's log. */
  String logTail(String service) {
    return call("logs", "--no-color", "--tail=40", service);
  }

  @Override
  public void close() {
    call("down", "-v", "--remove-orphans");
  }

  private String call(String... arguments) {
    List<String> command = new ArrayList<>(compose);
    command.addAll(
        List.of(
            "-p",
            PROJECT,
            "-f",
            ContainerImages.DOCKER.resolve("docker-compose.yml").toString(),
            "--project-directory",
            ContainerImages.DOCKER.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(settings);
    ports.forEach((port, number) -> builder.environment().put(port.name(), number.toString()));
    try {
      Process process = builder.start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IllegalStateException(String.join(" ", command) + " failed:\n" + said);
      }
      return said;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** How Compose is called here; empty: not at all. */
  private static List<String> compose() {
    for (List<String> command : List.of(List.of("docker", "compose"), List.of("docker-compose"))) {
      List<String> question = new ArrayList<>(command);
      question.add("version");
      try {
        Process process =
            new ProcessBuilder(question)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (process.waitFor() == 0) {
          return command;
        }
      } catch (IOException e) {
        // No such command: the next one.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
    return List.of();
  }

  private static int freePort() {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
