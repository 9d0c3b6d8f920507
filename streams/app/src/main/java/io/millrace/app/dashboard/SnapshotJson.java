package io.millrace.app.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/**
 * Writes snapshots as JSON: NaN as null (JSON has no NaN), what is absent as null, atoms with four
 * digits.
 */
final class SnapshotJson {
  private final ObjectMapper mapper =
      new ObjectMapper()
          .registerModule(new NumbersOrNull())
          .registerModule(new SimpleModule().addSerializer(Optional.class, new AbsentAsNull()));

  /**
   * @param snapshot to write
   * @return UTF-8, on one line, so that it fits one data field of a server-sent event
   */
  byte[] write(DashboardSnapshot snapshot) {
    try {
      return mapper.writeValueAsBytes(snapshot);
    } catch (JsonProcessingException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  @SuppressWarnings("rawtypes") // a serialiser is registered for the class, which has no parameter
  private static final class AbsentAsNull extends JsonSerializer<Optional> {
    @Override
    public void serialize(Optional value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      if (value.isPresent()) {
        json.writePOJO(value.get());
      } else {
        json.writeNull();
      }
    }
  }

  /** Entries of unit vectors: four decimals are finer than a pixel. */
  static final class FourDigits extends JsonSerializer<float[]> {
    @Override
    public void serialize(float[] values, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeStartArray();
      for (float value : values) {
        if (Float.isFinite(value)) {
          json.writeNumber(Math.round(value * 10_000f) / 10_000f);
        } else {
          json.writeNull();
        }
      }
      json.writeEndArray();
    }
  }
}
