package io.millrace.kafka;

import io.micrometer.core.instrument.Counter;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.OperatorStep;
import io.millrace.runtime.PartitionTask;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import io.millrace.runtime.TaskEdge;
import io.millrace.runtime.TopicRecord;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** One stage of a pipeline in one task of Kafka Streams, which is one partition of its input. */
final class OperatorProcessor<I, S, O>
    implements Processor<byte[], byte[], byte[], byte[]>, TaskEdge {
  private final Deployment deployment;
  private final Pipeline pipeline;
  private final Stage stage;
  private final TaskMeters meters;
  private final OperatorStep<I, S, O> step;
  private final Counter in;
  private ProcessorContext<byte[], byte[]> context;
  private PartitionTask<I, S, O> task;
  private long writtenBytes;

  OperatorProcessor(
      Deployment deployment,
      Pipeline pipeline,
      Stage stage,
      OperatorSpec<I, S, O> spec,
      Models models,
      TaskMeters meters) {
    this.deployment = deployment;
    this.pipeline = pipeline;
    this.stage = stage;
    this.meters = meters;
    this.step = new OperatorStep<>(spec, models, deployment.engine().maximumRecordBytes());
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
    task = new PartitionTask<>(deployment, pipeline, stage, step, new KeyValueChunks(chunks), this);
    writtenBytes = 0;
    KeeperStore store = context.getStateStore(keeperStore(stage));
    store.beforeCommit(this::flush);
    report();
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    in.increment();
    // every record of a source node has its coordinates
    var metadata = context.recordMetadata().orElseThrow();
    task.process(
        new TopicRecord(
            metadata.topic(),
            metadata.partition(),
            metadata.offset(),
            record.timestamp(),
            record.key(),
            record.value()));
  }

  @Override
  public void close() {
    meters.closed(name());
  }

  @Override
  public void emit(String channel, byte[] key, byte[] value, long timestampMillis) {
    meters.emitted(channel);
    context.forward(
        new Record<>(key, value, timestampMillis), OperatorTopology.sink(stage, channel));
  }

  @Override
  public void reject(
      InvalidInputException.Reason reason,
      byte[] keyOrNull,
      byte[] deadLetter,
      long timestampMillis) {
    meters.refused(reason.name());
    context.forward(
        new Record<>(keyOrNull, deadLetter, timestampMillis),
        OperatorTopology.deadLetterSink(stage));
  }

  private void flush() {
    task.flush();
    report();
  }

  private void report() {
    meters.flushed(name(), task.keys(), task.heapBytes(), task.writtenBytes() - writtenBytes);
    writtenBytes = task.writtenBytes();
  }

  private String name() {
    return stage.name() + '/' + context.taskId();
  }
}
