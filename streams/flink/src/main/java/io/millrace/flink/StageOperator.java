package io.millrace.flink;

import io.millrace.operator.Models;
import io.millrace.runtime.TopicRecord;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** A stage that follows no models. */
final class StageOperator extends AbstractStreamOperator<TopicRecord>
    implements OneInputStreamOperator<TopicRecord, TopicRecord> {
  private static final long serialVersionUID = 1L;

  private final transient StageReference reference;
  private transient PartitionTasks<?, ?, ?> tasks;

  StageOperator(StreamOperatorParameters<TopicRecord> parameters, StageReference reference) {
    super(parameters);
    this.reference = reference;
  }

  @Override
  public void open() throws Exception {
    super.open();
    tasks = PartitionTasks.of(this, output, reference.resolve(), Models.NONE);
  }

  /** Left to {@link PartitionTasks}. */
  @Override
  @SuppressWarnings("rawtypes")
  public void setKeyContextElement1(StreamRecord element) {}

  @Override
  public void processElement(StreamRecord<TopicRecord> element) {
    tasks.process(element.getValue());
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    tasks.flush();
    super.snapshotState(context);
  }
}
