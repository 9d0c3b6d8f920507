package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;

/** Where a step's results go: the adapter's edges. */
public interface StepOutput {

  /** One result for a channel; without value: {@link OutputCodec#encode}. */
  void emit(String channel, String key, byte[] valueOrNull);

  /** The record at hand was refused; state is as if it had not come. */
  void reject(InvalidInputException refusal);
}
