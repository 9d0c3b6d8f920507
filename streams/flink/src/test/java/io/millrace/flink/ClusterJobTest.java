package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.runtime.OutputLine;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import io.millrace.runtime.TraceRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.core.execution.SavepointFormatType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole jobs in Flink's cluster of this process, with checkpoints. */
final class ClusterJobTest {
  @TempDir private Path directory;

  @ParameterizedTest(name = "{0}, {1} savepoint, {2} to {3} tasks")
  @CsvSource({"rocksdb, NATIVE, 2, 3", "hashmap, CANONICAL, 3, 1"})
  void losesAndDoublesNothingThroughAFailureASavepointAndOtherParallelism(
      String backend, SavepointFormatType format, int before, int after) throws Exception {
    Trace trace = Trace.load(Trace.SENSORS);
    String savepoint =
        new TraceJob(trace, directory)
            .backend(backend)
            .readings(new Permits(40, 240))
            .failAt(130)
            .runToSavepoint(before, 220, format);
    List<TopicRecord> outputs =
        new TraceJob(trace, directory).backend(backend).resume(savepoint).runToEnd(after);
    assertSame(trace, expected(trace), outputs);
  }

  @Test
  void hasTheFollowedModelsThereBeforeTheFirstRecordAfterARestart() throws Exception {
    Trace trace = Trace.load(Trace.SHARED);
    String savepoint =
        new TraceJob(trace, directory)
            .readings(Permits.NONE)
            .runToSavepoint(1, -1, SavepointFormatType.NATIVE);
    List<TopicRecord> outputs = new TraceJob(trace, directory).resume(savepoint).runToEnd(3);
    assertSame(trace, expected(trace), outputs);
  }

  /** What comes out when all models are there first. */
  private static List<TopicRecord> expected(Trace trace) {
    TraceRun run = new TraceRun(trace.deployment(), trace.stage());
    List<TopicRecord> expected = new ArrayList<>();
    TraceJob.records(trace, true).forEach(model -> expected.addAll(run.take(model)));
    TraceJob.records(trace, false).forEach(reading -> expected.addAll(run.take(reading)));
    return expected;
  }

  private static void assertSame(
      Trace trace, List<TopicRecord> expected, List<TopicRecord> outputs) {
    Map<String, List<OutputLine>> lines = KeyLines.of(trace, outputs);
    KeyLines.of(trace, expected).forEach((key, all) -> assertEquals(all, lines.remove(key), key));
    assertEquals(Map.of(), lines);
  }
}
