package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients and aggregator are killed, and the model becomes good all the same. */
class FederatedDemoIT {
  private static final Path DIRECTORY = Path.of("target", "federated-demo-it");
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final int VERSIONS = 8;

  @ParameterizedTest
  @ValueSource(strings = {"kafka-streams", "flink"})
  void goesOnAfterTheAggregatorAndAClientAreKilled(String engine) throws IOException {
    Directories.delete(DIRECTORY);
    Path report = DIRECTORY.resolve("report.json").toAbsolutePath();
    try (JavaProcess demo =
        JavaProcess.startApp(
            "demo",
            DIRECTORY,
            List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"),
            Map.of(),
            List.of(
                "demo",
                "federated",
                "--engine",
                engine,
                "--task",
                "digits",
                "--clients",
                "4",
                "--misconduct",
                "sign-flip",
                "--concentration",
                "10",
                "--versions",
                Integer.toString(VERSIONS),
                "--for",
                "300s",
                "--port",
                "0",
                "--report",
                report.toString()))) {
      demo.awaitLine("Training. Page: http://127.0.0.1:", PATIENCE);
      String processes = demo.awaitLine("Processes, each to be killed at will", PATIENCE);
      demo.awaitLine("version 2: ", PATIENCE);
      kill(processes, "aggregator");
      kill(processes, "client-1");
      demo.awaitLine("Report: ", PATIENCE);
      Await.until(() -> "the demo ends", PATIENCE, () -> !demo.isAlive());
    }

    JsonNode root = new ObjectMapper().readTree(Files.readAllBytes(report));
    assertEquals(engine, root.path("engine").asText());
    assertTrue(root.path("restarts").path("aggregator").asInt() >= 1, root.toString());
    assertTrue(root.path("restarts").path("client-1").asInt() >= 1, root.toString());
    assertTrue(root.path("versions").asLong() >= VERSIONS, root.toString());
    // every version was judged, whether it was made before the kill or after it
    Set<Long> judged = new HashSet<>();
    root.path("accuracies").forEach(point -> judged.add(point.path("version").asLong()));
    for (long version = 0; version <= VERSIONS; version++) {
      assertTrue(judged.contains(version), "version " + version + " in " + root);
    }
    // the ninth part is right by chance
    assertTrue(root.path("accuracy").asDouble() > 0.6, root.toString());
    // all updates of all rounds are told apart: who was turned away sent what he should not
    assertTrue(root.path("refused").path("RULE").asLong() > 0, root.toString());
    assertTrue(root.path("refusedByClient").path("client-3").asLong() > 0, root.toString());
    assertTrue(root.path("included").asLong() >= 2 * VERSIONS, root.toString());
    // dead letters may be there: a client that starts anew can send again what has just arrived
    assertTrue(root.path("bytesSaved").asDouble() > 0.5, root.toString());
  }

  private static void kill(String processes, String name) {
    Matcher pid = Pattern.compile(' ' + name + " (\\d+)").matcher(processes);
    assertTrue(pid.find(), processes);
    assertTrue(
        ProcessHandle.of(Long.parseLong(pid.group(1))).orElseThrow().destroyForcibly(), processes);
  }
}
