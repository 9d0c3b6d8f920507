package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.runtime.Deployment.EngineSettings;
import io.millrace.runtime.OperatorStep.StateChange;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One stage over one partition of its input, the same on every engine: records in, results and dead
 * letters out, state kept. The partition is the unit of order, of stream time and of state, so what
 * comes out depends on the partition's records alone, not on how partitions are spread.
 *
 * <p>Deadlines fire in event time: a key's own before its next record, other keys' when a record of
 * the partition has moved stream time past them. One thread.
 */
public final class PartitionTask<I, S, O> implements StepOutput {
  /** A record may push stream time this far past its own timestamp, no further. */
  private static final long MAXIMUM_LEAD_MILLIS = 24 * 60 * 60 * 1000L;

  private final String pipeline;
  private final Stage stage;
  private final OperatorStep<I, S, O> step;
  private final Partitioning partitioning;
  private final int partitions;
  private final EngineSettings engine;
  private final TaskEdge edge;
  private final StateKeeper<S> keeper;
  private final SingleObject<DeadLetter> deadLetters = SingleObject.of(DeadLetter.class);
  private TopicRecord current;
  private boolean refused;

  /**
   * Reads the index of the state that is there.
   *
   * @param pipeline of the deployment
   * @param stage of the pipeline
   * @param step may be shared by the tasks of one thread
   * @param chunks this partition's own
   */
  public PartitionTask(
      Deployment deployment,
      Pipeline pipeline,
      Stage stage,
      OperatorStep<I, S, O> step,
      ChunkStore chunks,
      TaskEdge edge) {
    this.pipeline = pipeline.name();
    this.stage = stage;
    this.step = step;
    this.partitioning = pipeline.partitioning(stage.inputTopic());
    this.partitions = deployment.partitions();
    this.engine = deployment.engine();
    this.edge = edge;
    this.keeper =
        new StateKeeper<>(
            step.spec().state(),
            chunks,
            engine.chunkBytes(),
            engine.heapBudgetBytes(),
            step::nextDeadlineMillis);
    keeper.restoreIndex();
  }

  /** Takes the partition's next record; it never throws for what a record holds. */
  public void process(TopicRecord record) {
    current = record;
    refused = false;
    try {
      String key = step.key(record.key());
      partitioning.require(record, partitions);
      I input = step.decode(record.value());
      S state = keeper.getOrNull(key);
      boolean fresh = state == null;
      if (fresh) {
        state = step.createState(key);
      }
      keep(key, state, fresh, step.apply(key, state, input, this));
      if (!refused) {
        keeper.advance(
            Math.min(
                step.spec().operator().eventTimeMillis(input),
                record.timestampMillis() + MAXIMUM_LEAD_MILLIS));
        fireDue();
      }
    } catch (InvalidInputException refusal) {
      reject(refusal);
    }
  }

  /** Writes all changes to the chunks: to be called before the engine commits. */
  public void flush() {
    keeper.flush();
  }

  /** Keys with a state, on the heap or not. */
  public long keys() {
    return keeper.keys();
  }

  /** Bytes of the states on the heap, as of the last flush. */
  public long heapBytes() {
    return keeper.heapBytes();
  }

  /** Bytes written to the chunks since the task began. */
  public long writtenBytes() {
    return keeper.writtenBytes();
  }

  @Override
  public void emit(String channel, String key, byte[] valueOrNull) {
    if (stage.outputTopics().containsKey(channel)) {
      edge.emit(
          channel, key.getBytes(StandardCharsets.UTF_8), valueOrNull, current.timestampMillis());
    }
  }

  @Override
  public void reject(InvalidInputException refusal) {
    refused = true;
    byte[] key = current.key();
    byte[] value = current.value();
    DeadLetter letter =
        new DeadLetter(
            pipeline,
            refusal.reason().name(),
            refusal.getMessage(),
            current.topic(),
            current.partition(),
            current.offset(),
            current.timestampMillis(),
            // a legal key is kept whole, so that its record can be re-driven
            bounded(key, Math.max(OperatorStep.MAXIMUM_KEY_BYTES, engine.deadLetterBytes())),
            bounded(value, engine.deadLetterBytes()),
            value == null ? -1L : value.length);
    edge.reject(
        refusal.reason(), boundedKey(key), deadLetters.encode(letter), current.timestampMillis());
  }

  private void fireDue() {
    for (String key = keeper.dueOrNull(); key != null; key = keeper.dueOrNull()) {
      S state = keeper.getOrNull(key);
      keep(key, state, false, step.expire(key, state, keeper.streamTimeMillis(), this));
    }
  }

  private void keep(String key, S state, boolean fresh, StateChange change) {
    switch (change) {
      case CHANGED -> keeper.changed(key, state);
      case COMPLETE -> {
        if (!fresh) {
          keeper.forget(key);
        }
      }
      case NONE -> {}
    }
  }

  private static ByteBuffer bounded(byte[] bytes, int limit) {
    return bytes == null ? null : ByteBuffer.wrap(bytes, 0, Math.min(bytes.length, limit));
  }

  private static byte[] boundedKey(byte[] key) {
    return key == null || key.length <= OperatorStep.MAXIMUM_KEY_BYTES
        ? key
        : Arrays.copyOf(key, OperatorStep.MAXIMUM_KEY_BYTES);
  }
}
