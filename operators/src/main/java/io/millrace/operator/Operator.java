package io.millrace.operator;

import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A keyed, deterministic state machine: the same inputs in the same order give the same state bytes
 * and the same outputs, on any engine, through any restart. {@code OperatorContract} tests the
 * laws.
 *
 * <p>One instance serves many keys on one thread; everything that belongs to a key lives in its
 * state. Scratch memory may live in the operator.
 *
 * @param <I> the input record; never modified, never retained after the call
 * @param <S> the state of one key: mutable, owned by the engine's thread
 * @param <O> the outputs; an emitted value never changes later
 */
public interface Operator<I, S, O> {

  /** A state for a key that has none. Deterministic in {@code key}. */
  S createState(String key);

  /** Event time of an input, milliseconds since 1970; may be negative for a malformed input. */
  long eventTimeMillis(I input);

  /**
   * Takes one input. Validates first and mutates after: on {@link InvalidInputException} the state
   * is as before.
   *
   * @param state modified
   * @param input not modified, not retained
   * @param eventTimeMillis {@link #eventTimeMillis} of the input; every deadline up to it has fired
   * @param models versioned models that other operators publish
   * @param out receives results in order
   * @throws InvalidInputException for a bad record; {@code state} is then unchanged
   */
  void accept(S state, I input, long eventTimeMillis, Models models, Consumer<? super O> out);

  /**
   * The event time at which this key wants {@link #onDeadline} next, if any. A fact of the state,
   * so that a restored state knows its timers.
   */
  default OptionalLong nextDeadlineMillis(S state) {
    return OptionalLong.empty();
  }

  /**
   * Fires a due deadline. Must move {@link #nextDeadlineMillis} forward or clear it.
   *
   * @param deadlineMillis the deadline itself, never the present time
   */
  default void onDeadline(S state, long deadlineMillis, Models models, Consumer<? super O> out) {
    throw new IllegalStateException("operator has no deadlines");
  }

  /** True when the engine may forget this key. */
  default boolean isComplete(S state) {
    return false;
  }

  /** Runs the hot paths on synthetic input once, so that the first record meets compiled code. */
  default void warmUp() {}
}
