package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the packaged command says of settings that an engine does not take: no broker is asked. */
class EngineOptionsIT {
  private static final int USAGE = 2;
  private static final int FAILED = 1;

  @TempDir private Path directory;

  private record Ended(int exit, List<String> out, List<String> err) {}

  @Test
  void kafkaStreamsHasNoClusterToRunIn() throws Exception {
    assertRefused(
        run("", "run", "--cluster", "http://127.0.0.1:8081"),
        USAGE,
        "--cluster: got http://127.0.0.1:8081, expected none");
  }

  @Test
  void kafkaStreamsHasNoClusterToStopIn() throws Exception {
    assertRefused(
        run("", "stop", "--engine", "kafka-streams", "--cluster", "http://127.0.0.1:8081"),
        USAGE,
        "--engine: got kafka-streams, expected one that runs in clusters");
  }

  @ParameterizedTest
  @CsvSource({
    "flink, execution.checkpointing.interval, engine.commit-interval-millis",
    "kafka-streams, num.stream.threads, engine.threads"
  })
  void propertiesThatSettingsStandForAreRefused(String engine, String property, String setting)
      throws Exception {
    assertRefused(
        run("engines: {" + engine + ": {" + property + ": 5}}", "run", "--engine", engine),
        USAGE,
        "engines."
            + engine
            + "."
            + property
            + ": got a value, expected none here: it is set by "
            + setting);
  }

  @Test
  void aClusterThatDoesNotAnswerIsNamedInOneLine() throws Exception {
    assertRefused(
        run("", "stop", "--cluster", "http://127.0.0.1:1"),
        FAILED,
        "http://127.0.0.1:1: no connection");
  }

  private Ended run(String settings, String command, String... options)
      throws IOException, InterruptedException {
    Path file =
        Files.writeString(
            directory.resolve("plant.yaml"),
            """
            name: plant
            kafka: {bootstrap.servers: "127.0.0.1:1"}
            pipelines:
              - name: pumps
                window: {length: 8}
            """
                + settings
                + "\n");
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-jar",
                JavaProcess.appJar().toString(),
                command,
                "-c",
                file.toString()));
    line.addAll(List.of(options));
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    Process process =
        new ProcessBuilder(line).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(line + " did not end; it said " + Files.readString(err, UTF_8));
    }
    return new Ended(
        process.exitValue(), Files.readAllLines(out, UTF_8), Files.readAllLines(err, UTF_8));
  }

  private static void assertRefused(Ended ended, int exit, String reason) {
    assertEquals(List.of(), ended.out(), "nothing was started");
    assertEquals(1, ended.err().size(), ended.err()::toString);
    assertTrue(ended.err().get(0).contains(reason), ended.err()::toString);
    assertEquals(exit, ended.exit());
  }
}
