package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperatorFactory;

/** Builds a stage's operator in its task, from names and settings alone. */
final class StageOperatorFactory extends AbstractStreamOperatorFactory<TopicRecord>
    implements OneInputStreamOperatorFactory<TopicRecord, TopicRecord>,
        TwoInputStreamOperatorFactory<TopicRecord, TopicRecord, TopicRecord> {
  private static final long serialVersionUID = 1L;

  private final StageReference reference;
  private final boolean follows;

  /**
   * @param follows whether the operator has a second input, of models
   */
  StageOperatorFactory(StageReference reference, boolean follows) {
    this.reference = reference;
    this.follows = follows;
  }

  @Override
  @SuppressWarnings("unchecked")
  public <T extends StreamOperator<TopicRecord>> T createStreamOperator(
      StreamOperatorParameters<TopicRecord> parameters) {
    return (T)
        (follows
            ? new FollowingStageOperator(parameters, reference)
            : new StageOperator(parameters, reference));
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
    return follows ? FollowingStageOperator.class : StageOperator.class;
  }
}
