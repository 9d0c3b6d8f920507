package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import org.apache.avro.specific.SpecificRecord;

/** Reads one record type in single-object framing into one reused record. One thread. */
final class AvroInput<T extends SpecificRecord> implements InputCodec<T> {
  private final SingleObject<T> framing;
  private T reuse;

  AvroInput(Class<T> type) {
    framing = SingleObject.of(type);
  }

  @Override
  public T decode(byte[] value) {
    try {
      reuse = framing.decode(value, reuse);
      return reuse;
    } catch (UnreadableRecordException e) {
      throw refusal(e);
    }
  }

  /** What an unreadable record is refused with. */
  static InvalidInputException refusal(UnreadableRecordException e) {
    return new InvalidInputException(reason(e.kind()), e.getMessage());
  }

  private static Reason reason(UnreadableRecordException.Kind kind) {
    return switch (kind) {
      case EMPTY -> Reason.EMPTY;
      case BAD_FRAMING -> Reason.BAD_FRAMING;
      case UNKNOWN_SCHEMA -> Reason.UNKNOWN_SCHEMA;
      case WRONG_SCHEMA -> Reason.WRONG_SCHEMA;
      case MALFORMED -> Reason.MALFORMED;
    };
  }
}
