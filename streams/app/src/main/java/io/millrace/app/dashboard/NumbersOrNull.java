package io.millrace.app.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.IOException;

/** Writes what is not a finite number as null: JSON has no NaN, and a text is not one. */
public final class NumbersOrNull extends SimpleModule {
  private static final long serialVersionUID = 1L;

  public NumbersOrNull() {
    super("numbers-or-null");
    addSerializer(float[].class, new NanAsNull());
    addSerializer(Double.class, new NanAsNullDouble());
    addSerializer(double.class, new NanAsNullDouble());
  }

  private static final class NanAsNull extends JsonSerializer<float[]> {
    @Override
    public void serialize(float[] values, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      json.writeStartArray();
      for (float value : values) {
        if (Float.isFinite(value)) {
          json.writeNumber(value);
        } else {
          json.writeNull();
        }
      }
      json.writeEndArray();
    }
  }

  private static final class NanAsNullDouble extends JsonSerializer<Double> {
    @Override
    public void serialize(Double value, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      if (Double.isFinite(value)) {
        json.writeNumber(value);
      } else {
        json.writeNull();
      }
    }
  }
}
