package io.millrace.runtime;

/**
 * Reads an operator's input. May reuse one record object: the operator does not retain it.
 *
 * @param <I> the input
 */
public interface InputCodec<I> {

  /**
   * The input in {@code value}.
   *
   * @param value not modified; may be null
   * @throws io.millrace.operator.InvalidInputException for anything else
   */
  I decode(byte[] value);
}
