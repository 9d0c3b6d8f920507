package io.millrace.kafka;

import io.micrometer.core.instrument.Counter;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.runtime.Deployment.EngineSettings;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.OperatorStep;
import io.millrace.runtime.OperatorStep.StateChange;
import io.millrace.runtime.Stage;
import io.millrace.runtime.StateKeeper;
import io.millrace.runtime.StepOutput;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** One stage of a pipeline in one task: records in, results and dead letters out, state kept. */
final class OperatorProcessor<I, S, O>
    implements Processor<byte[], byte[], byte[], byte[]>, StepOutput {
  /** A record may push stream time this far past its own timestamp, no further. */
  private static final long MAXIMUM_LEAD_MILLIS = 24 * 60 * 60 * 1000L;

  private final String pipeline;
  private final Stage stage;
  private final OperatorSpec<I, S, O> spec;
  private final EngineSettings engine;
  private final PipelineMeters meters;
  private final OperatorStep<I, S, O> step;
  private final Counter in;
  private final SingleObject<DeadLetter> deadLetters = SingleObject.of(DeadLetter.class);
  private ProcessorContext<byte[], byte[]> context;
  private StateKeeper<S> keeper;
  private Record<byte[], byte[]> current;
  private boolean refused;
  private long writtenBytes;

  OperatorProcessor(
      String pipeline,
      Stage stage,
      OperatorSpec<I, S, O> spec,
      Models models,
      EngineSettings engine,
      PipelineMeters meters) {
    this.pipeline = pipeline;
    this.stage = stage;
    this.spec = spec;
    this.engine = engine;
    this.meters = meters;
    this.step = new OperatorStep<>(spec, models, engine.maximumRecordBytes());
    this.in = meters.in(stage.name());
  }

  static String keeperStore(Stage stage) {
    return stage.name() + "-keeper";
  }

  static String chunkStore(Stage stage) {
    return stage.name() + "-state";
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    KeyValueStore<Bytes, byte[]> chunks = context.getStateStore(chunkStore(stage));
    keeper =
        new StateKeeper<>(
            spec.state(),
            new KeyValueChunks(chunks),
            engine.chunkBytes(),
            engine.heapBudgetBytes(),
            step::nextDeadlineMillis);
    keeper.restoreIndex();
    writtenBytes = 0;
    KeeperStore store = context.getStateStore(keeperStore(stage));
    store.beforeCommit(this::flush);
    report();
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    current = record;
    refused = false;
    in.increment();
    try {
      String key = step.key(record.key());
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
                spec.operator().eventTimeMillis(input), record.timestamp() + MAXIMUM_LEAD_MILLIS));
        fireDue();
      }
    } catch (InvalidInputException refusal) {
      reject(refusal);
    }
  }

  @Override
  public void close() {
    meters.closed(task());
  }

  @Override
  public void emit(String channel, String key, byte[] value) {
    if (stage.outputTopics().containsKey(channel)) {
      meters.emitted(channel);
      context.forward(
          new Record<>(key.getBytes(StandardCharsets.UTF_8), value, current.timestamp()),
          OperatorTopology.sink(stage, channel));
    }
  }

  @Override
  public void reject(InvalidInputException refusal) {
    refused = true;
    meters.refused(refusal.reason().name());
    byte[] value = current.value();
    // every record of a source node has its coordinates
    var metadata = context.recordMetadata().orElseThrow();
    DeadLetter letter =
        new DeadLetter(
            pipeline,
            refusal.reason().name(),
            refusal.getMessage(),
            metadata.topic(),
            metadata.partition(),
            metadata.offset(),
            current.timestamp(),
            // a legal key is kept whole, so that its record can be re-driven
            bounded(
                current.key(), Math.max(OperatorStep.MAXIMUM_KEY_BYTES, engine.deadLetterBytes())),
            bounded(value, engine.deadLetterBytes()),
            value == null ? -1L : value.length);
    context.forward(
        new Record<>(boundedKey(current.key()), deadLetters.encode(letter), current.timestamp()),
        OperatorTopology.deadLetterSink(stage));
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

  private void flush() {
    keeper.flush();
    report();
  }

  private void report() {
    meters.flushed(task(), keeper.keys(), keeper.heapBytes(), keeper.writtenBytes() - writtenBytes);
    writtenBytes = keeper.writtenBytes();
  }

  private String task() {
    return stage.name() + '/' + context.taskId();
  }

  private static ByteBuffer bounded(byte[] bytes, int limit) {
    return bytes == null ? null : ByteBuffer.wrap(bytes, 0, Math.min(bytes.length, limit));
  }

  private static byte[] boundedKey(byte[] key) {
    return key == null || key.length <= OperatorStep.MAXIMUM_KEY_BYTES
        ? key
        : java.util.Arrays.copyOf(key, OperatorStep.MAXIMUM_KEY_BYTES);
  }
}
