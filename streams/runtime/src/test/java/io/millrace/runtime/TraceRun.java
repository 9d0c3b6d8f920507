package io.millrace.runtime;

import io.millrace.operator.InvalidInputException.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * One stage over all partitions of its input without an engine: what an adapter must equal. Results
 * gather in {@link #outputs}.
 */
public final class TraceRun implements TaskEdge {
  private final Deployment deployment;
  private final Pipeline pipeline;
  private final Stage stage;
  private final ModelShelf shelf;
  private final TreeMap<Integer, InMemoryChunks> chunks = new TreeMap<>();
  private final TreeMap<Integer, PartitionTask<?, ?, ?>> tasks = new TreeMap<>();
  private final List<TopicRecord> outputs = new ArrayList<>();
  private final OperatorSpec<?, ?, ?> spec;

  public TraceRun(Deployment deployment, Stage stage) {
    this.deployment = deployment;
    this.pipeline = deployment.pipelines().get(0);
    this.stage = stage;
    this.spec = stage.spec().get();
    this.shelf = new ModelShelf(stage.following());
  }

  /** Takes a record of the input or of the model topic; gives what it caused. */
  public List<TopicRecord> take(TopicRecord record) {
    outputs.clear();
    if (record.topic().equals(stage.following().topic())) {
      shelf.take(shelf.read(record.value()));
    } else {
      tasks.computeIfAbsent(record.partition(), partition -> open(partition, spec)).process(record);
    }
    return List.copyOf(outputs);
  }

  /** Writes all state and drops what is on the heap: the next record finds what was written. */
  public void restart() {
    tasks.values().forEach(PartitionTask::flush);
    tasks.clear();
  }

  @Override
  public void emit(String channel, byte[] key, byte[] value, long timestampMillis) {
    String topic = stage.outputTopics().get(channel);
    outputs.add(TopicRecord.unwritten(topic, key, value, timestampMillis));
  }

  @Override
  public void reject(Reason reason, byte[] keyOrNull, byte[] deadLetter, long timestampMillis) {
    outputs.add(
        TopicRecord.unwritten(pipeline.deadLetterTopic(), keyOrNull, deadLetter, timestampMillis));
  }

  private <I, S, O> PartitionTask<I, S, O> open(int partition, OperatorSpec<I, S, O> spec) {
    return new PartitionTask<>(
        deployment,
        pipeline,
        stage,
        new OperatorStep<>(spec, shelf, deployment.engine().maximumRecordBytes()),
        chunks.computeIfAbsent(partition, number -> new InMemoryChunks()),
        this);
  }
}
