package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * The only caller of an operator, the same on every engine: decode, due deadlines, accept, encode,
 * reject. One thread.
 */
public final class OperatorStep<I, S, O> {
  /** Longest key, bytes of UTF-8. */
  public static final int MAXIMUM_KEY_BYTES = 1024;

  /** Latest event time, 9999-12-31T23:59:59.999Z: a later one would fire every deadline. */
  public static final long MAXIMUM_EVENT_TIME_MILLIS = 253_402_300_799_999L;

  /** Outcome of {@link #apply} for the state. */
  public enum StateChange {
    /** The state is as before. */
    NONE,
    /** The state changed and must be kept. */
    CHANGED,
    /** The key is complete and may be forgotten. */
    COMPLETE
  }

  private final OperatorSpec<I, S, O> spec;
  private final Models models;
  private final int maximumValueBytes;
  private final CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();

  /**
   * @param maximumValueBytes longer records are refused before they are decoded
   */
  public OperatorStep(OperatorSpec<I, S, O> spec, Models models, int maximumValueBytes) {
    this.spec = spec;
    this.models = models;
    this.maximumValueBytes = maximumValueBytes;
  }

  /** What it steps. */
  OperatorSpec<I, S, O> spec() {
    return spec;
  }

  /**
   * The key as text.
   *
   * @throws InvalidInputException for a missing, empty or overlong key, or one that is not UTF-8
   */
  public String key(byte[] key) {
    if (key == null || key.length == 0 || key.length > MAXIMUM_KEY_BYTES) {
      throw new InvalidInputException(
          Reason.BAD_KEY,
          "key has "
              + (key == null ? "no" : key.length)
              + " bytes, expected 1 to "
              + MAXIMUM_KEY_BYTES);
    }
    String text = new String(key, StandardCharsets.UTF_8);
    if (text.indexOf('\uFFFD') < 0) {
      return text;
    }
    // malformed bytes become that character, but a key may also hold it
    try {
      return utf8.decode(ByteBuffer.wrap(key)).toString();
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(Reason.BAD_KEY, "key is not UTF-8");
    }
  }

  /**
   * The input of a record.
   *
   * @throws InvalidInputException for anything that is not one
   */
  public I decode(byte[] value) {
    if (value != null && value.length > maximumValueBytes) {
      throw new InvalidInputException(
          Reason.TOO_LARGE,
          "record has " + value.length + " bytes, expected at most " + maximumValueBytes);
    }
    return spec.input().decode(value);
  }

  /** A state for a key that has none. */
  public S createState(String key) {
    return spec.operator().createState(key);
  }

  /**
   * Fires due deadlines, then hands the input to the operator. A refusal leaves the state as it was
   * after the deadlines; one for its event time also fires none.
   *
   * @param state modified
   */
  public StateChange apply(String key, S state, I input, StepOutput out) {
    Operator<I, S, O> operator = spec.operator();
    boolean changed = false;
    try {
      long eventTimeMillis = operator.eventTimeMillis(input);
      requireTime(eventTimeMillis);
      changed = fireDue(key, state, eventTimeMillis, out);
      operator.accept(state, input, eventTimeMillis, models, output -> emit(key, output, out));
      changed = true;
    } catch (InvalidInputException refusal) {
      out.reject(refusal);
    }
    return outcome(state, changed);
  }

  /**
   * Fires the deadlines that are due at {@code nowMillis} of event time.
   *
   * @param state modified
   */
  public StateChange expire(String key, S state, long nowMillis, StepOutput out) {
    return outcome(state, fireDue(key, state, nowMillis, out));
  }

  /** The event time at which {@link #expire} has something to do. */
  public OptionalLong nextDeadlineMillis(S state) {
    return spec.operator().nextDeadlineMillis(state);
  }

  private static void requireTime(long eventTimeMillis) {
    if (eventTimeMillis < 0 || eventTimeMillis > MAXIMUM_EVENT_TIME_MILLIS) {
      throw new InvalidInputException(
          Reason.BAD_TIME,
          "event time is "
              + eventTimeMillis
              + " milliseconds, expected 0 to "
              + MAXIMUM_EVENT_TIME_MILLIS);
    }
  }

  private boolean fireDue(String key, S state, long nowMillis, StepOutput out) {
    Operator<I, S, O> operator = spec.operator();
    boolean fired = false;
    OptionalLong due = operator.nextDeadlineMillis(state);
    while (due.isPresent() && due.getAsLong() <= nowMillis) {
      long deadline = due.getAsLong();
      operator.onDeadline(state, deadline, models, output -> emit(key, output, out));
      fired = true;
      due = operator.nextDeadlineMillis(state);
      if (due.isPresent() && due.getAsLong() <= deadline) {
        throw new IllegalStateException(
            spec.name() + " did not move its deadline past " + deadline + " (key=" + key + ")");
      }
    }
    return fired;
  }

  private StateChange outcome(S state, boolean changed) {
    if (!changed) {
      return StateChange.NONE;
    }
    return spec.operator().isComplete(state) ? StateChange.COMPLETE : StateChange.CHANGED;
  }

  private void emit(String key, O output, StepOutput out) {
    out.emit(
        spec.output().channel(output),
        spec.output().key(output, key),
        spec.output().encode(output));
  }
}
