package io.millrace.app.replay;

import io.millrace.schema.SensorReading;
import java.util.Objects;

/**
 * One reading and the sensor it belongs to, which is the record key.
 *
 * @param sensor key, UTF-8
 * @param reading event time in microseconds and one value per channel
 */
public record KeyedReading(String sensor, SensorReading reading) {
  public KeyedReading {
    Objects.requireNonNull(sensor, "sensor");
    Objects.requireNonNull(reading, "reading");
  }

  /** The same values at a later time; the value lists are shared. */
  KeyedReading shiftedBy(long micros) {
    return micros == 0
        ? this
        : new KeyedReading(
            sensor,
            new SensorReading(
                Math.addExact(reading.getTimeMicros(), micros),
                reading.getValues(),
                reading.getMissing()));
  }
}
