package io.millrace.flink;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.SharedStateRegistry;
import org.apache.flink.runtime.state.SharedStateRegistryImpl;

/**
 * What a checkpoint coordinator does for one subtask through all its lives: numbers checkpoints and
 * fills in the files that an incremental one shares with those before it.
 */
final class Checkpoints {
  private final SharedStateRegistry registry = new SharedStateRegistryImpl();
  private long newest;

  /** A completed checkpoint. */
  OperatorSubtaskState take(StageHarness stage) throws Exception {
    newest++;
    OperatorSubtaskState state = stage.snapshot(newest, newest);
    state.registerSharedStates(registry, newest);
    stage.notifyOfCompletedCheckpoint(newest);
    return state;
  }
}
