package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * An exactly-once sink of small tests: all records of all lives of a job are state, and go on when
 * the input ends.
 */
final class Transcript extends AbstractStreamOperator<TopicRecord>
    implements OneInputStreamOperator<TopicRecord, TopicRecord>, BoundedOneInput {
  private static final long serialVersionUID = 1L;

  private transient ListState<TopicRecord> kept;
  private transient List<TopicRecord> lines;

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    kept =
        context
            .getOperatorStateStore()
            .getListState(new ListStateDescriptor<>("lines", TopicRecordSerializer.INSTANCE));
    lines = new ArrayList<>();
    kept.get().forEach(lines::add);
  }

  @Override
  public void processElement(StreamRecord<TopicRecord> element) {
    lines.add(element.getValue());
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    kept.update(lines);
  }

  @Override
  public void endInput() {
    lines.forEach(line -> output.collect(new StreamRecord<>(line)));
  }
}
