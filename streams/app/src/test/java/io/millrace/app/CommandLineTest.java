package io.millrace.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CommandLineTest {
  @TempDir private Path directory;
  private final StringWriter err = new StringWriter();
  private final StringWriter out = new StringWriter();

  @Test
  void impossibleSettingStopsTheStartWithOneLine() throws IOException {
    Path file = directory.resolve("plant.yaml");
    Files.writeString(
        file,
        """
        name: plant
        kafka: {bootstrap.servers: "127.0.0.1:1"}
        pipelines:
          - name: pumps
            window: {length: 1}
        """);

    int exit = run("run", "-c", file.toString());

    assertEquals(CommandLine.ExitCode.USAGE, exit);
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertTrue(err.toString().contains("pipelines[0].window.length"), err.toString());
    assertTrue(err.toString().contains("got 1, expected"), err.toString());
  }

  @Test
  void missingFileIsNamedInOneLine() {
    int exit = run("topics", "-c", directory.resolve("absent.yaml").toString());

    assertEquals(CommandLine.ExitCode.USAGE, exit);
    assertTrue(err.toString().contains("absent.yaml"), err.toString());
    assertEquals(1, err.toString().lines().count(), err.toString());
  }

  @Test
  void aTimeThatIsNoneIsRefused() {
    assertEquals(CommandLine.ExitCode.USAGE, run("demo", "--for", "soon"));
    assertTrue(err.toString().contains("soon is no time"), err.toString());
  }

  @Test
  void theDemosDeploymentIsValidAndNamesShippedSets() throws IOException {
    try (var file = DemoCommand.class.getResourceAsStream("/demo/demo.yaml")) {
      var deployment =
          io.millrace.runtime.Deployment.parse(
              "demo.yaml",
              new String(file.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8),
              java.util.Map.of("MILLRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"));

      for (var pipeline : deployment.pipelines()) {
        assertTrue(
            io.millrace.app.replay.SensorDataset.shipped(pipeline.name()).isPresent(),
            pipeline.name());
      }
    }
  }

  @Test
  void helpNamesEverySubcommand() {
    assertEquals(0, run("--help"));
    for (String name : new String[] {"demo", "run", "replay", "topics", "inspect", "bench"}) {
      assertTrue(out.toString().contains(name), name);
    }
  }

  private int run(String... arguments) {
    return Millrace.commandLine()
        .setErr(new PrintWriter(err, true))
        .setOut(new PrintWriter(out, true))
        .execute(arguments);
  }
}
