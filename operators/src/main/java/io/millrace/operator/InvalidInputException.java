package io.millrace.operator;

/**
 * The only signal for a bad record. The step turns it into a dead letter; the stream goes on; state
 * is unchanged. Carries no stack trace: bad input is normal and must stay cheap.
 */
public final class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why a record was refused. Written by name; names are never reused. */
  public enum Reason {
    /** No value at all. */
    EMPTY,
    /** No key, or a key that is not UTF-8, empty or too long. */
    BAD_KEY,
    /** Longer than the bound for one record. */
    TOO_LARGE,
    /** Does not start with the single-object marker. */
    BAD_FRAMING,
    /** Framed with a schema fingerprint that no released schema has. */
    UNKNOWN_SCHEMA,
    /** A known schema, but not one that this operator takes. */
    WRONG_SCHEMA,
    /** Ends before its schema does, or has bytes left over, or breaks a declared bound. */
    MALFORMED,
    /** Another number of channels, another shape. */
    WRONG_DIMENSION,
    /** A NaN or an infinity. */
    NOT_FINITE,
    /** A finite number outside what can be handled. */
    OUT_OF_RANGE,
    /** A negative time or one beyond the representable range. */
    BAD_TIME,
    /** The same event time as the record before. */
    DUPLICATE,
    /** An earlier event time than the record before. */
    LATE,
    /** Names a model version that is unknown or too old. */
    UNKNOWN_MODEL,
    /** Something is missing between the record before and this one. */
    GAP,
    /** Comes after the end of what it belongs to. */
    ENDED,
    /** Contradicts what an earlier record of the same key said. */
    INCONSISTENT,
    /** Lacks the signature or authenticator of who alone may send it. */
    UNAUTHORISED
  }

  private final Reason reason;

  /**
   * @param reason the code
   * @param message subject, got, expected
   */
  public InvalidInputException(Reason reason, String message) {
    super(message, null, false, false);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
