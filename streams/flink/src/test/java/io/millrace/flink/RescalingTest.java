package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.flink.StageHarness.Place;
import io.millrace.runtime.OutputLine;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class RescalingTest {
  private static final int[] PARALLELISM = {1, 3, 2};

  @ParameterizedTest(name = "{0} on {1}")
  @CsvSource({
    "sensors, HASHMAP",
    "shared, HASHMAP",
    "merge, HASHMAP",
    "sensors, ROCKSDB_INCREMENTAL",
    "shared, ROCKSDB_INCREMENTAL",
    "shared, FORST"
  })
  void givesTheSameOutputsOnOneThenThreeThenTwoTasks(String name, Backend backend)
      throws Exception {
    Trace trace = Trace.load(name);
    Checkpoints checkpoints = new Checkpoints();
    List<OperatorSubtaskState> states = List.of();
    int events = trace.events().size();
    for (int generation = 0; generation < PARALLELISM.length; generation++) {
      List<StageHarness> tasks = open(trace, backend, PARALLELISM[generation], List.copyOf(states));
      int from = events * generation / PARALLELISM.length;
      int to = events * (generation + 1) / PARALLELISM.length;
      for (int event = from; event < to; event++) {
        take(trace, event, tasks);
      }
      states = new ArrayList<>();
      for (StageHarness task : tasks) {
        states.add(checkpoints.take(task));
        task.close();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Backend.class)
  void writesFollowedModelsOnceAndReadsThemBackInEveryTask(Backend backend) throws Exception {
    Trace trace = Trace.load(Trace.SHARED);
    Checkpoints checkpoints = new Checkpoints();
    List<StageHarness> tasks = open(trace, backend, 3, List.of());
    List<TopicRecord> models =
        trace.events().stream().map(Trace.Event::record).filter(trace::isModel).toList();
    List<OperatorSubtaskState> states = new ArrayList<>();
    for (StageHarness task : tasks) {
      for (TopicRecord model : models) {
        task.take(model);
      }
      states.add(checkpoints.take(task));
      task.close();
    }
    assertEquals(List.of(models.size(), 0, 0), states.stream().map(RescalingTest::slices).toList());
    // one generation on, it is again the first task that writes all of them
    List<Integer> again = new ArrayList<>();
    for (StageHarness task : open(trace, backend, 2, states)) {
      again.add(slices(checkpoints.take(task)));
      task.close();
    }
    assertEquals(List.of(models.size(), 0), again);
  }

  private static int slices(OperatorSubtaskState state) {
    int slices = 0;
    for (OperatorStateHandle handle : state.getManagedOperatorState()) {
      var models = handle.getStateNameToPartitionOffsets().get("models");
      slices += models == null ? 0 : models.getOffsets().length;
    }
    return slices;
  }

  /** Exactly one task takes a reading, every task takes a model. */
  private static void take(Trace trace, int number, List<StageHarness> tasks) throws Exception {
    Trace.Event event = trace.events().get(number);
    int taken = 0;
    for (int subtask = 0; subtask < tasks.size(); subtask++) {
      boolean model = trace.isModel(event.record());
      if (model || new Place(subtask, tasks.size()).has(event.record().partition())) {
        assertEquals(
            event.outputs().stream().map(OutputLine::of).toList(),
            tasks.get(subtask).take(event.record()),
            "event " + number);
        taken++;
      }
      assertTrue(subtask < tasks.size() - 1 || taken == (model ? tasks.size() : 1));
    }
  }

  /** As a coordinator hands the state of {@code states.size()} tasks to {@code parallelism}. */
  private static List<StageHarness> open(
      Trace trace, Backend backend, int parallelism, List<OperatorSubtaskState> states)
      throws Exception {
    OperatorSubtaskState whole =
        StageHarness.repackageState(states.toArray(OperatorSubtaskState[]::new));
    List<StageHarness> tasks = new ArrayList<>();
    for (int subtask = 0; subtask < parallelism; subtask++) {
      OperatorSubtaskState share =
          whole == null
              ? null
              : StageHarness.repartitionOperatorState(
                  whole, StageHarness.MAXIMUM_PARALLELISM, states.size(), parallelism, subtask);
      tasks.add(new StageHarness(trace, backend.open(), new Place(subtask, parallelism), share));
    }
    return tasks;
  }
}
