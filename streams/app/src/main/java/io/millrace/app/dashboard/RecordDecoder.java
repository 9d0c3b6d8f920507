package io.millrace.app.dashboard;

import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;

/**
 * Record bytes to records. What cannot be read is no record: on an input topic that is normal (the
 * pipeline makes a dead letter of it) and the page has nothing to draw. Not thread-safe.
 *
 * @param <T> the record
 */
final class RecordDecoder<T extends SpecificRecord> {
  /** Longer values are not looked at. */
  static final int MAX_BYTES = 2 << 20;

  private final SingleObject<T> framing;

  RecordDecoder(Class<T> type) {
    framing = SingleObject.of(type);
  }

  /**
   * @param value framed bytes, may be null
   */
  Optional<T> decode(byte[] value) {
    if (value == null || value.length > MAX_BYTES) {
      return Optional.empty();
    }
    try {
      return Optional.of(framing.decode(value));
    } catch (UnreadableRecordException refused) {
      return Optional.empty();
    }
  }
}
