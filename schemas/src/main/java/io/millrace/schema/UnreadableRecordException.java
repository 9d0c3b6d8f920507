package io.millrace.schema;

/** Bytes that are not the expected record. Carries no stack trace: bad input is normal. */
public final class UnreadableRecordException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong with the bytes. */
  public enum Kind {
    /** No bytes. */
    EMPTY,
    /** The first two bytes are not the single-object marker C3 01. */
    BAD_FRAMING,
    /** The fingerprint belongs to no released schema. */
    UNKNOWN_SCHEMA,
    /** The fingerprint belongs to another record than the one asked for. */
    WRONG_SCHEMA,
    /** The body ends early, has bytes left over, or breaks its schema. */
    MALFORMED
  }

  private final Kind kind;

  UnreadableRecordException(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
