package io.millrace.flink;

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
import java.util.TreeMap;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * The partitions of a stage's input that one Flink task has. Flink's current key is that of the
 * partition at hand: it is set here, when the partition changes, since to set it costs as much as
 * to serialise it. One thread.
 */
final class PartitionTasks<I, S, O> implements TaskEdge {
  private final AbstractStreamOperator<TopicRecord> operator;
  private final Output<StreamRecord<TopicRecord>> output;
  private final Deployment deployment;
  private final Pipeline pipeline;
  private final Stage stage;
  private final OperatorStep<I, S, O> step;
  private final PartitionKeys partitionKeys;
  private final KeyedChunks chunks;
  private final StageMeters meters;
  private final TreeMap<Integer, Entry<I, S, O>> tasks = new TreeMap<>();
  private final StreamRecord<TopicRecord> element = new StreamRecord<>(null);
  private Entry<I, S, O> recentOrNull;

  /**
   * @param key Flink's
   */
  private record Entry<I, S, O>(int partition, Long key, PartitionTask<I, S, O> task) {}

  private PartitionTasks(
      AbstractStreamOperator<TopicRecord> operator,
      Output<StreamRecord<TopicRecord>> output,
      StageReference.Resolved resolved,
      OperatorSpec<I, S, O> spec,
      Models models) {
    this.operator = operator;
    this.output = output;
    this.deployment = resolved.deployment();
    this.pipeline = resolved.pipeline();
    this.stage = resolved.stage();
    this.step = new OperatorStep<>(spec, models, deployment.engine().maximumRecordBytes());
    this.partitionKeys =
        new PartitionKeys(
            operator.getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks());
    this.chunks = new KeyedChunks(operator.getRuntimeContext()::getMapState);
    this.meters = new StageMeters(operator.getMetricGroup(), stage.name());
  }

  /** The tasks of a stage; the operator's kernels are warm afterwards. */
  static PartitionTasks<?, ?, ?> of(
      AbstractStreamOperator<TopicRecord> operator,
      Output<StreamRecord<TopicRecord>> output,
      StageReference.Resolved resolved,
      Models models) {
    OperatorSpec<?, ?, ?> spec = resolved.stage().spec().get();
    spec.operator().warmUp();
    return capture(operator, output, resolved, spec, models);
  }

  private static <I, S, O> PartitionTasks<I, S, O> capture(
      AbstractStreamOperator<TopicRecord> operator,
      Output<StreamRecord<TopicRecord>> output,
      StageReference.Resolved resolved,
      OperatorSpec<I, S, O> spec,
      Models models) {
    return new PartitionTasks<>(operator, output, resolved, spec, models);
  }

  /** Takes a record of any partition of this task. */
  void process(TopicRecord record) {
    meters.in();
    if (recentOrNull == null || recentOrNull.partition() != record.partition()) {
      Long key = partitionKeys.getKey(record);
      operator.setCurrentKey(key);
      recentOrNull = tasks.computeIfAbsent(record.partition(), partition -> open(partition, key));
    }
    recentOrNull.task().process(record);
  }

  /** Writes what changed to keyed state: to be called in a checkpoint's synchronous part. */
  void flush() {
    long keys = 0;
    long heapBytes = 0;
    long writtenBytes = 0;
    for (Entry<I, S, O> entry : tasks.values()) {
      operator.setCurrentKey(entry.key());
      entry.task().flush();
      keys += entry.task().keys();
      heapBytes += entry.task().heapBytes();
      writtenBytes += entry.task().writtenBytes();
    }
    // the current key has moved
    recentOrNull = null;
    meters.flushed(keys, heapBytes, writtenBytes);
  }

  @Override
  public void emit(String channel, byte[] key, byte[] value, long timestampMillis) {
    meters.emitted(channel);
    String topic = stage.outputTopics().get(channel);
    output.collect(
        element.replace(
            TopicRecord.unwritten(topic, key, value, timestampMillis), timestampMillis));
  }

  @Override
  public void reject(
      InvalidInputException.Reason reason,
      byte[] keyOrNull,
      byte[] deadLetter,
      long timestampMillis) {
    meters.refused(reason.name());
    output.collect(
        PipelineJob.DEAD_LETTERS,
        new StreamRecord<>(
            TopicRecord.unwritten(
                pipeline.deadLetterTopic(), keyOrNull, deadLetter, timestampMillis),
            timestampMillis));
  }

  private Entry<I, S, O> open(int partition, Long key) {
    return new Entry<>(
        partition, key, new PartitionTask<>(deployment, pipeline, stage, step, chunks, this));
  }
}
