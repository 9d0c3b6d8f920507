package io.millrace.flink;

import io.millrace.runtime.OutputLine;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.event.WatermarkEvent;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.LatencyMarker;
import org.apache.flink.streaming.runtime.streamrecord.RecordAttributes;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.util.OutputTag;

/**
 * One subtask of a stage in Flink's operator harness, keyed as in a job. Results and dead letters
 * are kept in one list, in the order of their emission.
 */
final class StageHarness extends AbstractStreamOperatorTestHarness<TopicRecord> {
  /** Key groups of the jobs. */
  static final int MAXIMUM_PARALLELISM = 1024;

  private static final OperatorID OPERATOR = new OperatorID(7, 7);

  private final Trace trace;
  private final List<OutputLine> results = new ArrayList<>();
  private final List<OutputLine> deadLetters = new ArrayList<>();
  private final List<OutputLine> outputs = new ArrayList<>();

  /** A place of a subtask: which of how many. */
  record Place(int subtask, int parallelism) {
    static final Place ONLY = new Place(0, 1);

    /** Whether the records of a partition come here. */
    boolean has(int partition) {
      long group = PartitionKeys.keyGroup(partition, MAXIMUM_PARALLELISM);
      return group * parallelism / MAXIMUM_PARALLELISM == subtask;
    }
  }

  /**
   * Opens the operator.
   *
   * @param stateOrNull what it goes on from
   */
  StageHarness(Trace trace, StateBackend backend, Place place, OperatorSubtaskState stateOrNull)
      throws Exception {
    super(factory(trace), MAXIMUM_PARALLELISM, place.parallelism(), place.subtask(), OPERATOR);
    this.trace = trace;
    config.setStatePartitioner(0, new PartitionKeys(MAXIMUM_PARALLELISM));
    config.setStateKeySerializer(LongSerializer.INSTANCE);
    config.serializeAllConfigs();
    setStateBackend(backend);
    setOutputCreator(serializer -> new Recorder());
    setup(TopicRecordSerializer.INSTANCE);
    initializeState(stateOrNull);
    open();
  }

  static StageReference reference(Trace trace) {
    return new StageReference(
        trace.deployment().source(),
        trace.pipeline().name(),
        trace.pipeline().stages().indexOf(trace.stage()));
  }

  private static StageOperatorFactory factory(Trace trace) {
    return new StageOperatorFactory(reference(trace), !trace.stage().following().isNothing());
  }

  /** Takes a record of the input, or one that is broadcast; gives what it caused. */
  List<OutputLine> take(TopicRecord record) throws Exception {
    outputs.clear();
    StreamRecord<TopicRecord> element = new StreamRecord<>(record, record.timestampMillis());
    StreamOperator<TopicRecord> stage = operator;
    if (stage instanceof FollowingStageOperator following) {
      if (trace.isModel(record)) {
        following.setKeyContextElement2(element);
        following.processElement2(element);
      } else {
        following.setKeyContextElement1(element);
        following.processElement1(element);
      }
    } else if (stage instanceof StageOperator alone) {
      alone.setKeyContextElement1(element);
      alone.processElement(element);
    }
    return List.copyOf(outputs);
  }

  List<OutputLine> results() {
    return results;
  }

  List<OutputLine> deadLetters() {
    return deadLetters;
  }

  @Override
  public void close() {
    try {
      super.close();
    } catch (Exception e) {
      throw new IllegalStateException("harness cannot be closed", e);
    }
  }

  private final class Recorder implements Output<StreamRecord<TopicRecord>> {
    @Override
    public void collect(StreamRecord<TopicRecord> element) {
      add(results, element);
    }

    @Override
    public <X> void collect(OutputTag<X> tag, StreamRecord<X> element) {
      if (!tag.equals(PipelineJob.DEAD_LETTERS)) {
        throw new IllegalStateException("output to " + tag);
      }
      add(deadLetters, element);
    }

    private void add(List<OutputLine> edge, StreamRecord<?> element) {
      TopicRecord record = (TopicRecord) element.getValue();
      if (element.getTimestamp() != record.timestampMillis()) {
        throw new IllegalStateException("element has another time than its record: " + record);
      }
      edge.add(OutputLine.of(record));
      outputs.add(OutputLine.of(record));
    }

    @Override
    public void emitWatermark(Watermark mark) {}

    @Override
    public void emitWatermarkStatus(WatermarkStatus status) {}

    @Override
    public void emitLatencyMarker(LatencyMarker marker) {}

    @Override
    public void emitRecordAttributes(RecordAttributes attributes) {}

    @Override
    public void emitWatermark(WatermarkEvent watermark) {}

    @Override
    public void close() {}
  }
}
