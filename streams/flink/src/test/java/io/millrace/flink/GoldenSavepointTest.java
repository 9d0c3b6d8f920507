package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import io.millrace.runtime.TraceRun;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Savepoints of released versions: each later release goes on from them, byte for byte. */
final class GoldenSavepointTest {
  @TempDir private Path directory;

  @ParameterizedTest(name = "{0}/{1}-{2} on {3}")
  @CsvSource({
    "v1, sensors, canonical, rocksdb, 1",
    "v1, sensors, canonical, hashmap, 3",
    "v1, sensors, native, rocksdb, 2",
    "v1, shared, canonical, hashmap, 3",
    "v1, shared, native, rocksdb, 1"
  })
  void isReadAndContinued(String version, String name, String format, String backend, int tasks)
      throws Exception {
    URL golden = getClass().getResource("/golden/" + version + "/" + name + "-" + format);
    Trace trace = Trace.load(name);
    int behind = GoldenSavepoints.readings(name);
    List<TopicRecord> outputs =
        new TraceJob(trace, directory)
            .backend(backend)
            .resume(Path.of(golden.toURI()).toUri().toString())
            .continueFrom(behind)
            .runToEnd(tasks);
    assertEquals(KeyLines.of(trace, expected(trace, behind)), KeyLines.of(trace, outputs));
  }

  /** The outputs of the readings that the savepoint has not seen. */
  private static List<TopicRecord> expected(Trace trace, int behind) {
    TraceRun run = new TraceRun(trace.deployment(), trace.stage());
    TraceJob.records(trace, true).forEach(run::take);
    List<TopicRecord> readings = TraceJob.records(trace, false);
    readings.subList(0, behind).forEach(run::take);
    List<TopicRecord> expected = new ArrayList<>();
    readings.subList(behind, readings.size()).forEach(one -> expected.addAll(run.take(one)));
    return expected;
  }
}
