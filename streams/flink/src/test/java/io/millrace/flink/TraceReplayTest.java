package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.flink.StageHarness.Place;
import io.millrace.runtime.OutputLine;
import io.millrace.runtime.Trace;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The traces that every engine replays. */
final class TraceReplayTest {

  /** Every restart warms the operator up, so a restart after every record is for the first ones. */
  @ParameterizedTest(name = "{0} on {1}, restored after every {2} of {3} records")
  @CsvSource({
    "sensors, HASHMAP, 1000000, 1000",
    "sensors, HASHMAP, 1, 60",
    "sensors, HASHMAP, 29, 1000",
    "shared, HASHMAP, 1000000, 1000",
    "shared, HASHMAP, 1, 60",
    "shared, HASHMAP, 29, 1000",
    "merge, HASHMAP, 1000000, 1000",
    "merge, HASHMAP, 1, 40",
    "sensors, ROCKSDB_INCREMENTAL, 1000000, 1000",
    "sensors, ROCKSDB_INCREMENTAL, 41, 1000",
    "shared, ROCKSDB_INCREMENTAL, 41, 1000",
    "merge, ROCKSDB_INCREMENTAL, 1, 20",
    "sensors, FORST, 1000000, 1000",
    "sensors, FORST, 41, 1000",
    "shared, FORST, 41, 1000",
    "merge, FORST, 7, 1000",
    "window, HASHMAP, 1000000, 1000",
    "window, HASHMAP, 1, 60",
    "window, HASHMAP, 29, 1000",
    "window, ROCKSDB_INCREMENTAL, 41, 1000",
    "window, FORST, 41, 1000",
    "learning, HASHMAP, 1000000, 1000",
    "learning, HASHMAP, 1, 40",
    "learning, ROCKSDB_INCREMENTAL, 7, 1000",
    "aggregation, HASHMAP, 1, 40",
    "aggregation, ROCKSDB_INCREMENTAL, 7, 1000",
    "control, HASHMAP, 1, 40",
    "control, FORST, 7, 1000",
    "masked-aggregation, HASHMAP, 1, 40",
    "masked-control, ROCKSDB_INCREMENTAL, 7, 1000",
    "mixing, HASHMAP, 1, 40",
    "mixing, ROCKSDB_INCREMENTAL, 7, 1000",
  })
  void givesTheSameOutputsInTheSameOrder(String name, Backend backend, int every, int events)
      throws Exception {
    Trace trace = Trace.load(name);
    StageHarness stage = new StageHarness(trace, backend.open(), Place.ONLY, null);
    Checkpoints checkpoints = new Checkpoints();
    int taken = 0;
    for (Trace.Event event : trace.events().subList(0, Math.min(events, trace.events().size()))) {
      List<OutputLine> expected = event.outputs().stream().map(OutputLine::of).toList();
      assertEquals(expected, stage.take(event.record()), "event " + taken);
      if (++taken % every == 0) {
        OperatorSubtaskState state = checkpoints.take(stage);
        stage.close();
        stage = new StageHarness(trace, backend.open(), Place.ONLY, state);
      }
    }
    stage.close();
  }
}
