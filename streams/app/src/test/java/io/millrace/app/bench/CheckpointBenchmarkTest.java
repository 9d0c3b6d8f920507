package io.millrace.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.app.bench.CheckpointBenchmark.Checkpoint;
import io.millrace.app.bench.CheckpointBenchmark.Phase;
import java.util.List;
import org.junit.jupiter.api.Test;

class CheckpointBenchmarkTest {
  private static final BenchSubject ROCKSDB = new BenchSubject("flink", "rocksdb", "exactly-once");
  private static final BenchSubject STREAMS = new BenchSubject("kafka-streams", "", "exactly-once");

  @Test
  void bytesAreMeansAgainstAllStateAndDurationsAreMedians() {
    List<BenchmarkResult> rows =
        CheckpointBenchmark.results(
            ROCKSDB,
            new Phase(
                10_000,
                100,
                4,
                400,
                1000,
                List.of(
                    new Checkpoint(5, 30, 700),
                    new Checkpoint(90, 60, 750),
                    new Checkpoint(7, 150, 800))));

    assertEquals(
        List.of(
            new BenchmarkResult(
                "flink rocksdb written",
                "10,000 keys, 100 active",
                100,
                "bytes/commit",
                0,
                "state on the heap",
                1000,
                0.1),
            new BenchmarkResult(
                "flink rocksdb uploaded",
                "10,000 keys, 100 active",
                80,
                "bytes/checkpoint",
                0,
                "state in the checkpoint",
                800,
                0.1),
            new BenchmarkResult(
                "flink rocksdb duration",
                "10,000 keys, 100 active",
                7,
                "ms",
                0,
                "checkpoint interval",
                1000,
                0.007)),
        rows);
  }

  @Test
  void anEngineWithoutCheckpointsHasOneRow() {
    List<BenchmarkResult> rows =
        CheckpointBenchmark.results(STREAMS, new Phase(1, 1, 2, 50, 100, List.of()));

    assertEquals(1, rows.size());
    assertEquals(25, rows.get(0).value());
  }
}
