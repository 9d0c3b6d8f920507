package io.millrace.flink.sql;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.runtime.ChunkStore;
import io.millrace.runtime.Deployment.EngineSettings;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.OperatorStep;
import io.millrace.runtime.OperatorStep.StateChange;
import io.millrace.runtime.StateKeeper;
import io.millrace.runtime.StepOutput;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * An operator over all keys of one task, whose store shows the present key alone: what a call
 * changed is written before the call returns, changed sections only. States stay decoded on the
 * heap, within the engine's budget, and are read back only after a restore or an eviction.
 *
 * <p>Cost of a call beside the operator's: encoding, hashing and writing the section that moves
 * with every record. One thread.
 */
final class WriteThroughStep<I, S, O> {
  private final OperatorStep<I, S, O> step;
  private final StateKeeper<S> keeper;

  private WriteThroughStep(OperatorSpec<I, S, O> spec, EngineSettings engine, ChunkStore chunks) {
    this.step = new OperatorStep<>(spec, Models.NONE, engine.maximumRecordBytes());
    this.keeper =
        new StateKeeper<>(
            spec.state(),
            chunks,
            engine.chunkBytes(),
            engine.heapBudgetBytes(),
            // deadlines are the caller's timers: an index here would reach for other keys
            state -> OptionalLong.empty());
  }

  /** The operator's kernels are warm afterwards. */
  static WriteThroughStep<?, ?, ?> of(
      OperatorSpec<?, ?, ?> spec, EngineSettings engine, ChunkStore chunks) {
    spec.operator().warmUp();
    return capture(spec, engine, chunks);
  }

  private static <I, S, O> WriteThroughStep<I, S, O> capture(
      OperatorSpec<I, S, O> spec, EngineSettings engine, ChunkStore chunks) {
    return new WriteThroughStep<>(spec, engine, chunks);
  }

  /**
   * Takes a record of the present key; it never throws for what a record holds.
   *
   * @param record framed; may be null
   * @return the event time at which {@link #expire} has something to do
   */
  OptionalLong process(String key, byte[] record, StepOutput out) {
    S state;
    try {
      step.key(key.getBytes(StandardCharsets.UTF_8));
      I input = step.decode(record);
      state = keeper.getOrNull(key);
      boolean fresh = state == null;
      if (fresh) {
        state = step.createState(key);
      }
      return keep(key, state, fresh, step.apply(key, state, input, out));
    } catch (InvalidInputException refusal) {
      out.reject(refusal);
      return OptionalLong.empty();
    }
  }

  /**
   * Fires the present key's deadlines that are due.
   *
   * @return as in {@link #process}
   */
  OptionalLong expire(String key, long nowMillis, StepOutput out) {
    S state = keeper.getOrNull(key);
    return state == null
        ? OptionalLong.empty()
        : keep(key, state, false, step.expire(key, state, nowMillis, out));
  }

  private OptionalLong keep(String key, S state, boolean fresh, StateChange change) {
    switch (change) {
      case CHANGED -> keeper.changed(key, state);
      case COMPLETE -> {
        if (!fresh) {
          keeper.forget(key);
        }
      }
      case NONE -> {}
    }
    keeper.flush();
    return change == StateChange.COMPLETE ? OptionalLong.empty() : step.nextDeadlineMillis(state);
  }
}
