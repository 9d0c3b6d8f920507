package io.millrace.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineProcessTest {
  @TempDir private Path directory;

  @Test
  void childHasTheFlagsOfItsParentButNoAgents() {
    List<String> command =
        EngineProcess.command(
            List.of(
                "-Xmx1g", "-agentlib:jdwp=server=y", "-javaagent:/a.jar", "-Dmillrace.log=info"),
            Path.of("app.jar"),
            "flink");

    assertTrue(command.get(0).endsWith("java"), command.get(0));
    assertEquals(
        List.of("-Xmx1g", "-Dmillrace.log=info", "-jar", "app.jar", "bench-engine", "flink"),
        command.subList(1, command.size()));
  }

  @Test
  void metersOfOneNameAreSummedOverTheirTags() {
    MeterRegistry registry = new SimpleMeterRegistry();
    registry.counter("in", "stage", "sensors").increment(2);
    registry.counter("in", "stage", "merge").increment(3);
    Gauge.builder("keys", () -> 7).register(registry);
    Gauge.builder("gone", () -> Double.NaN).register(registry);

    EngineAnswer figures = EngineAnswer.of(1.5, registry);

    assertEquals(5, figures.meter("in"));
    assertEquals(7, figures.meter("keys"));
    assertFalse(figures.meters().containsKey("gone"));
    assertEquals(0, figures.meter("unknown"));
  }

  @Test
  void requestsAndAnswersAreLinesOfJson() {
    // a process that answers the same to everything, after a word of its own
    try (EngineProcess process =
        shell("echo started; while read l; do echo '" + answer("") + "'; done")) {
      EngineAnswer first = process.ask(EngineRequest.run("name: x\nkafka: {}\n"));
      EngineAnswer second = process.ask(EngineRequest.figures());

      assertEquals(2.5, first.cpuSeconds());
      assertEquals(4, second.meter("keys"));
    }
  }

  @Test
  void failureOfARequestIsTold() {
    try (EngineProcess process = shell("read l; echo '" + answer("no topic") + "'")) {
      IllegalStateException failure =
          assertThrows(
              IllegalStateException.class, () -> process.ask(EngineRequest.copy("", "a", "b")));

      assertTrue(failure.getMessage().contains("no topic"), failure.getMessage());
    }
  }

  @Test
  void processThatEndsIsNamedWithTheEndOfItsLog() {
    try (EngineProcess process = shell("read l; echo out of memory >&2")) {
      IllegalStateException failure =
          assertThrows(IllegalStateException.class, () -> process.ask(EngineRequest.stop()));

      assertTrue(failure.getMessage().startsWith("test has ended"), failure.getMessage());
      assertTrue(failure.getMessage().endsWith("out of memory"), failure.getMessage());
    }
  }

  private static String answer(String failure) {
    return "{\"cpuSeconds\":2.5,\"meters\":{\"keys\":4},\"failure\":\"" + failure + "\"}";
  }

  private EngineProcess shell(String script) {
    return EngineProcess.start("test", directory.resolve("log"), List.of("sh", "-c", script));
  }
}
