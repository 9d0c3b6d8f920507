package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;

/** Where the results of a {@link PartitionTask} go: the adapter's edges. */
public interface TaskEdge {

  /** One result for a channel that has a topic; without value: {@link OutputCodec#encode}. */
  void emit(String channel, byte[] key, byte[] valueOrNull, long timestampMillis);

  /**
   * A refused record as a framed {@code DeadLetter}.
   *
   * @param keyOrNull the record's, at most {@link OperatorStep#MAXIMUM_KEY_BYTES} of it
   */
  void reject(
      InvalidInputException.Reason reason,
      byte[] keyOrNull,
      byte[] deadLetter,
      long timestampMillis);
}
