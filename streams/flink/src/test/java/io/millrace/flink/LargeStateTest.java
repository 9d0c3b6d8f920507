package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.flink.StageHarness.Place;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.OutputLine;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** States of a megabyte each. */
final class LargeStateTest {
  private static final int CHANNELS = 32;

  @TempDir private Path directory;

  private final SingleObject<SensorReading> readings = SingleObject.of(SensorReading.class);

  @ParameterizedTest
  @EnumSource(
      value = Backend.class,
      names = {"HASHMAP", "ROCKSDB_INCREMENTAL"})
  void givesTheSameOutputsWhenStatesLeaveTheHeap(Backend backend) throws Exception {
    // three states to a partition; on the heap there is room for one
    List<TopicRecord> records = records(2, 3, 70);
    assertEquals(outputs(backend, 512, records), outputs(backend, 1, records));
  }

  @Test
  void writesOnlyWhatChangedInAnIncrementalCheckpoint() throws Exception {
    Checkpoints checkpoints = new Checkpoints();
    try (StageHarness stage = open(Backend.ROCKSDB_INCREMENTAL, 512)) {
      stage.setCheckpointStorage(new FileSystemCheckpointStorage(directory.toUri()));
      List<TopicRecord> records = records(2, 3, 70);
      for (TopicRecord record : records.subList(0, records.size() - 1)) {
        stage.take(record);
      }
      OperatorSubtaskState first = checkpoints.take(stage);
      // a reading in the middle of a window: one chunk of one of six states
      stage.take(records.get(records.size() - 1));
      OperatorSubtaskState second = checkpoints.take(stage);
      String sizes = sizes(first) + ", then " + sizes(second);
      assertTrue(first.getCheckpointedSize() > 400_000, sizes);
      assertTrue(second.getStateSize() > first.getStateSize(), sizes);
      assertTrue(second.getCheckpointedSize() < first.getCheckpointedSize() / 10, sizes);
    }
  }

  private static String sizes(OperatorSubtaskState state) {
    return state.getCheckpointedSize() + " of " + state.getStateSize() + " bytes";
  }

  private static List<OutputLine> outputs(
      Backend backend, int budgetMegabytes, List<TopicRecord> records) throws Exception {
    List<OutputLine> outputs = new ArrayList<>();
    try (StageHarness stage = open(backend, budgetMegabytes)) {
      for (TopicRecord record : records) {
        outputs.addAll(stage.take(record));
      }
    }
    assertTrue(outputs.size() > 12, "outputs: " + outputs.size());
    return outputs;
  }

  private static StageHarness open(Backend backend, int budgetMegabytes) throws Exception {
    String yaml =
        "name: large\nkafka: {bootstrap.servers: 'none:1'}\nengine: {heap-budget-megabytes: "
            + budgetMegabytes
            + "}\npipelines:\n  - {name: p, channels: "
            + CHANNELS
            + ", window: {length: 32}, atoms: 128, coder: {maximum-atoms: 2},"
            + " rounds: {first-windows: 2, batch-windows: 1}}";
    Deployment deployment = Deployment.parse("large.yaml", yaml, Map.of());
    Trace trace = new Trace(deployment, deployment.pipelines().get(0).stages().get(0), List.of());
    return new StageHarness(trace, backend.open(), Place.ONLY, null);
  }

  /** {@code steps} readings of each sensor of each partition, in turn. */
  private List<TopicRecord> records(int partitions, int sensors, int steps) {
    Random random = new Random(9);
    List<TopicRecord> records = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      for (int sensor = 0; sensor < sensors; sensor++) {
        for (int partition = 0; partition < partitions; partition++) {
          Float[] values = new Float[CHANNELS];
          for (int channel = 0; channel < CHANNELS; channel++) {
            values[channel] = (float) random.nextGaussian();
          }
          byte[] value =
              readings.encode(new SensorReading(step * 1000L, List.of(values), List.of()));
          byte[] key = (partition + "-" + sensor).getBytes(StandardCharsets.UTF_8);
          long offset = (long) step * sensors + sensor;
          records.add(new TopicRecord("p.readings", partition, offset, step, key, value));
        }
      }
    }
    return records;
  }
}
