package io.millrace.it;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A demo in a process of its own, and the page that it named. */
final class DemoPage implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(120);
  private static final String ANNOUNCED = "Learning. Page: ";
  private static final String FEDERATED_ANNOUNCED = "Training. Page: ";
  private static final String CACHE_ANNOUNCED = "Writing and reading. Page: ";

  private final JavaProcess process;
  private final String url;

  private DemoPage(JavaProcess process, String url) {
    this.process = process;
    this.url = url;
  }

  /**
   * Starts a demo; returns once it learns.
   *
   * @param directory of what it prints
   * @param options beyond its length and port
   */
  static DemoPage start(Path directory, String... options) {
    List<String> arguments = new ArrayList<>(List.of("demo", "--for", "300s", "--port", "0"));
    arguments.addAll(List.of(options));
    return start(directory, ANNOUNCED, arguments);
  }

  /** Starts the demo of the KV cache; returns once it writes. */
  static DemoPage startCache(Path directory) {
    return start(
        directory, CACHE_ANNOUNCED, List.of("demo", "kvcache", "--for", "300s", "--port", "0"));
  }

  /** Starts the demo of federated learning with four clients, one of them against the others. */
  static DemoPage startFederated(Path directory) {
    return start(
        directory,
        FEDERATED_ANNOUNCED,
        List.of(
            "demo",
            "federated",
            "--task",
            "digits",
            "--clients",
            "4",
            "--misconduct",
            "sign-flip",
            "--concentration",
            "10",
            "--for",
            "300s",
            "--port",
            "0"));
  }

  private static DemoPage start(Path directory, String announced, List<String> arguments) {
    JavaProcess process =
        JavaProcess.startApp(
            "demo",
            directory,
            List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"),
            Map.of(),
            arguments);
    try {
      String line = process.awaitLine(announced, START);
      return new DemoPage(process, line.substring(announced.length()).trim());
    } catch (AssertionError e) {
      process.close();
      throw e;
    }
  }

  String url() {
    return url;
  }

  @Override
  public void close() {
    process.close();
  }
}
