package io.millrace.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a demo that ran to its end, in a process of its own, says it did. */
final class DemoReport {
  private static final Duration START = Duration.ofSeconds(120);
  private static final Duration END = Duration.ofSeconds(180);

  private DemoReport() {}

  /**
   * Runs a demo.
   *
   * @param directory emptied first; of what it prints and reports
   * @param announced words before the address of its page
   * @param demo its words, with how long it runs
   */
  static JsonNode of(Path directory, String announced, String... demo) throws IOException {
    Directories.delete(directory);
    Path report = directory.resolve("report.json").toAbsolutePath();
    List<String> arguments = new ArrayList<>(List.of(demo));
    arguments.addAll(List.of("--port", "0", "--report", report.toString()));
    try (JavaProcess process =
        JavaProcess.startApp(
            "demo",
            directory,
            List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"),
            Map.of(),
            arguments)) {
      process.awaitLine(announced + "http://127.0.0.1:", START);
      process.awaitLine("Report: ", END);
      Await.until(() -> "the demo ends", END, () -> !process.isAlive());
    }
    return new ObjectMapper().readTree(Files.readAllBytes(report));
  }
}
