package io.millrace.app.dashboard;

import io.millrace.schema.Anomaly;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import java.io.IOException;
import java.util.Optional;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.message.BinaryMessageDecoder;

/**
 * Single-object Avro to records. What cannot be read is no record: on the input topic that is
 * normal (the pipeline turns it into a dead letter) and the page has nothing to draw.
 */
final class RecordDecoder {
  /** Longer values are not looked at. */
  static final int MAX_BYTES = 2 << 20;

  private final BinaryMessageDecoder<SensorReading> readings = SensorReading.getDecoder();
  private final BinaryMessageDecoder<SparseCode> codes = SparseCode.getDecoder();
  private final BinaryMessageDecoder<Anomaly> anomalies = Anomaly.getDecoder();
  private final BinaryMessageDecoder<DictionaryVersion> slices = DictionaryVersion.getDecoder();
  private final BinaryMessageDecoder<DeadLetter> deadLetters = DeadLetter.getDecoder();

  Optional<SensorReading> reading(byte[] value) {
    return decode(readings, value);
  }

  Optional<SparseCode> code(byte[] value) {
    return decode(codes, value);
  }

  Optional<Anomaly> anomaly(byte[] value) {
    return decode(anomalies, value);
  }

  Optional<DictionaryVersion> slice(byte[] value) {
    return decode(slices, value);
  }

  Optional<DeadLetter> deadLetter(byte[] value) {
    return decode(deadLetters, value);
  }

  private static <T> Optional<T> decode(BinaryMessageDecoder<T> decoder, byte[] value) {
    if (value == null || value.length > MAX_BYTES) {
      return Optional.empty();
    }
    try {
      return Optional.of(decoder.decode(value));
    } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException malformed) {
      return Optional.empty();
    }
  }
}
