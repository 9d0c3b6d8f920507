package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;

/** The range of event times. */
final class EventTime {
  /** 9999-12-31T23:59:59.999999Z. */
  static final long MAXIMUM_MICROS = 253_402_300_799_999_999L;

  private EventTime() {}

  /**
   * @throws InvalidInputException BAD_TIME
   */
  static void require(long micros) {
    if (micros < 0 || micros > MAXIMUM_MICROS) {
      throw new InvalidInputException(
          Reason.BAD_TIME, "time is " + micros + " microseconds, expected 0 to " + MAXIMUM_MICROS);
    }
  }
}
