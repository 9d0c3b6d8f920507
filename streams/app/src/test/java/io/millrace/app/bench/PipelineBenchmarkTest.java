package io.millrace.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.bench.PipelineBenchmark.Run;
import io.millrace.runtime.Deployment;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PipelineBenchmarkTest {
  private static final BenchSubject HEAP = new BenchSubject("flink", "heap", "exactly-once");

  @Test
  void steadyRateLeavesOutTheStartAndTheWaitForTheLastCommit() {
    CommitSeries commits = new CommitSeries();
    commits.saw(2, 100);
    commits.saw(2.5, 100);
    commits.saw(3, 600);
    commits.saw(4, 1100);
    commits.saw(6, 1200);

    assertEquals(OptionalDouble.of(500), commits.steadyRate());
    assertEquals(200, commits.wholeRate());
    assertEquals(4, commits.count());
  }

  @Test
  void twoCommitsAreNoSteadyRate() {
    CommitSeries commits = new CommitSeries();
    commits.saw(1, 0);
    commits.saw(2, 100);
    commits.saw(3, 200);

    assertEquals(OptionalDouble.empty(), commits.steadyRate());
    assertEquals(200, commits.last());
  }

  @Test
  void ratiosAreThoseOfTheRoundsNotOfTheMedians() {
    List<BenchmarkResult> rows =
        PipelineBenchmark.results(
            PipelineLoad.SENSORS,
            HEAP,
            List.of(new Run(70, 700, 4), new Run(50, 500, 6), new Run(90, 900, 5)),
            List.of(new Run(100, 1000, 2), new Run(50, 500, 3), new Run(120, 1200, 2)),
            1_000_000_000);

    assertEquals(
        new BenchmarkResult(
            "flink heap exactly-once",
            "whole run",
            70,
            "readings/s",
            5,
            "flink identity exactly-once",
            100,
            0.75),
        rows.get(0));
    assertEquals(700, rows.get(1).value());
    assertEquals(5, rows.get(2).value(), "ns of CPU a reading");
    assertEquals(2, rows.get(2).ratio());
  }

  @Test
  void wordsNarrowTheSubjectsDown() {
    assertTrue(HEAP.has(List.of()));
    assertTrue(HEAP.has(List.of("Flink", "heap")));
    assertFalse(HEAP.has(List.of("flink", "rocksdb")));
    assertEquals(4, BenchSubject.all().stream().filter(s -> s.has(List.of("flink"))).count());
  }

  @Test
  void noSubjectIsItsOwnIdentityAndNoTwoShareAName() {
    TreeSet<String> names = new TreeSet<>();
    for (BenchSubject subject : BenchSubject.all()) {
      assertNotEquals(subject, subject.identity());
      assertTrue(subject.identity().isIdentity());
      assertTrue(names.add(subject.name()), subject.name());
    }
  }

  @Test
  void engineSettingsOfEverySubjectAreALineOfADeploymentFile() {
    for (BenchSubject subject : BenchSubject.all()) {
      Deployment deployment =
          Deployment.parse(
              "bench.yaml",
              """
              name: bench
              kafka: {bootstrap.servers: "127.0.0.1:1"}
              %s
              pipelines: [{name: sensors}]
              """
                  .formatted(subject.engineProperties()),
              Map.of());

      String expected =
          Map.of("heap", "hashmap", "rocksdb", "rocksdb").getOrDefault(subject.state(), "none");
      assertEquals(
          expected,
          deployment.engineProperties(subject.engine()).getOrDefault("state.backend.type", "none"));
    }
  }
}
