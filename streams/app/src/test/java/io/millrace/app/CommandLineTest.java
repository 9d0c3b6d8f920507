package io.millrace.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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
  void aLayerThatAChunkCutsIsRefusedInOneLineWhereTheOptimiserNeedsItWhole() throws IOException {
    Path key = Files.writeString(directory.resolve("key"), "0123456789abcdef");
    Path file = directory.resolve("plant.yaml");
    Files.writeString(
        file,
        """
        name: plant
        kafka: {bootstrap.servers: "127.0.0.1:1"}
        pipelines:
          - {name: p, operator: federated, method: {server: {optimiser: mkor}}, master-key-file: KEY}
        """
            .replace("KEY", key.toString()));
    Path definition = directory.resolve("model.json");
    Files.writeString(
        definition, "{\"chunk-length\": 10, \"layers\": [{\"name\": \"w\", \"shape\": [4, 4]}]}");
    Path values = Files.write(directory.resolve("values"), new byte[64]);

    int exit =
        run(
            "federated",
            "publish",
            "-c",
            file.toString(),
            "--model",
            "m",
            "--definition",
            definition.toString(),
            "--values",
            values.toString());

    assertEquals(CommandLine.ExitCode.USAGE, exit);
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertTrue(err.toString().contains("layer w lies in more than one chunk"), err.toString());
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
    for (String name :
        new String[] {"demo", "run", "stop", "replay", "topics", "inspect", "cache", "bench"}) {
      assertTrue(out.toString().contains(name), name);
    }
  }

  @Test
  void everyCommandSaysWhatItDoes() {
    assertHelp(Millrace.commandLine(), List.of());
  }

  private void assertHelp(CommandLine command, List<String> path) {
    if (!command.getCommandSpec().usageMessage().hidden()) {
      List<String> arguments = new ArrayList<>(path);
      arguments.add("--help");
      assertEquals(0, run(arguments.toArray(String[]::new)), arguments + ": " + err);
    }
    command
        .getSubcommands()
        .forEach(
            (name, child) -> {
              List<String> below = new ArrayList<>(path);
              below.add(name);
              assertHelp(child, below);
            });
  }

  @Test
  void anUnknownEngineIsRefusedBeforeAnythingStarts() {
    assertRefused("--engine: got spark, expected", "demo", "--engine", "spark");
    assertRefused("--engine: got spark, expected", "run", "-c", plant(), "--engine", "spark");
  }

  @Test
  void settingsOfAnUnknownEngineAreRefused() throws IOException {
    String file = plant();
    Files.writeString(
        Path.of(file), "engines: {spark: {a: b}}\n", java.nio.file.StandardOpenOption.APPEND);

    assertRefused("engines.spark: got an unknown engine", "run", "-c", file);
    assertRefused(
        "engines.spark: got an unknown engine", "stop", "-c", file, "--cluster", "http://h:1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost:8081",
        "http://localhost",
        "ftp://localhost:8081",
        "http://localhost:99999",
        "http://user:secret@localhost:8081",
        "http://localhost:8081/jobs",
        "http://localhost:8081?a",
        "no url"
      })
  void anAddressThatIsNoneIsRefusedInOneLineThatKeepsSecrets(String address) {
    for (String command : new String[] {"run", "stop"}) {
      assertRefused(
          "expected http://HOST:PORT", command, "-c", "absent.yaml", "--cluster", address);
      assertFalse(err.toString().contains("secret"), err.toString());
    }
  }

  @Test
  void stopAsksForTheCluster() {
    assertRefused("--cluster", "stop", "-c", "absent.yaml");
  }

  @Test
  void thePortAndRateOfTheDemoAreChecked() {
    assertRefused("--port: got 70000, expected", "demo", "--port", "70000");
    assertRefused("--rate: got 0.0, expected", "demo", "--rate", "0");
    assertRefused("--port: got -1, expected", "demo", "kvcache", "--port", "-1");
    assertRefused("--rate: got -1.0, expected", "demo", "kvcache", "--rate", "-1");
    assertRefused("--sessions: got 0, expected", "demo", "kvcache", "--sessions", "0");
  }

  @Test
  void aDeploymentWithoutACacheIsToldSo() {
    for (String command : new String[] {"list", "verify", "serve"}) {
      assertRefused("none of family kv-cache", "cache", command, "-c", plant());
    }
    assertRefused(
        "--port: got 70000, expected", "cache", "serve", "-c", plant(), "--port", "70000");
    assertRefused("--kind", "cache", "restore", "-c", plant(), "--kind", "queries");
  }

  @Test
  void withoutACommandAllOfThemAreListed() {
    assertEquals(CommandLine.ExitCode.USAGE, run());
    assertTrue(err.toString().contains("replay"), err.toString());
  }

  private void assertRefused(String reason, String... arguments) {
    err.getBuffer().setLength(0);
    out.getBuffer().setLength(0);

    assertEquals(CommandLine.ExitCode.USAGE, run(arguments), err.toString());
    assertTrue(err.toString().contains(reason), err.toString());
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertEquals("", out.toString(), "nothing was started");
  }

  private String plant() {
    try {
      return Files.writeString(
              directory.resolve("plant.yaml"),
              """
              name: plant
              kafka: {bootstrap.servers: "127.0.0.1:1"}
              pipelines:
                - name: pumps
                  window: {length: 8}
              """)
          .toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private int run(String... arguments) {
    return Millrace.commandLine()
        .setErr(new PrintWriter(err, true))
        .setOut(new PrintWriter(out, true))
        .execute(arguments);
  }
}
