package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * A stage that follows models: its second input is the model topic, broadcast to every task. At a
 * barrier all tasks hold the same slices, so one of them writes them to the checkpoint and all read
 * them back: a version that a restored state names is there before its next record.
 */
final class FollowingStageOperator extends AbstractStreamOperator<TopicRecord>
    implements TwoInputStreamOperator<TopicRecord, TopicRecord, TopicRecord> {
  private static final long serialVersionUID = 1L;

  private final transient StageReference reference;
  private transient StageReference.Resolved resolved;
  private transient PartitionTasks<?, ?, ?> tasks;
  private transient BroadcastModels models;
  private transient ListState<byte[]> slices;

  FollowingStageOperator(
      StreamOperatorParameters<TopicRecord> parameters, StageReference reference) {
    super(parameters);
    this.reference = reference;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    resolved = reference.resolve();
    models = new BroadcastModels(resolved.stage().following());
    slices =
        context
            .getOperatorStateStore()
            .getUnionListState(
                new ListStateDescriptor<>("models", BytePrimitiveArraySerializer.INSTANCE));
    for (byte[] slice : slices.get()) {
      models.take(slice);
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    tasks = PartitionTasks.of(this, output, resolved, models);
  }

  /** Left to {@link PartitionTasks}. */
  @Override
  @SuppressWarnings("rawtypes")
  public void setKeyContextElement1(StreamRecord element) {}

  @Override
  public void processElement1(StreamRecord<TopicRecord> element) {
    tasks.process(element.getValue());
  }

  @Override
  public void processElement2(StreamRecord<TopicRecord> element) {
    models.take(element.getValue());
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    tasks.flush();
    slices.clear();
    if (getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) {
      slices.update(models.slices());
    }
    super.snapshotState(context);
  }
}
