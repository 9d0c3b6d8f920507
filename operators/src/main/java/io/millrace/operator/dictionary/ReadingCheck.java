package io.millrace.operator.dictionary;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.SensorReading;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.generic.PrimitivesArrays.FloatArray;

/**
 * The door for sensor readings: refuses with a reason, lays out what passes. Scratch; one thread.
 */
final class ReadingCheck {
  /** 9999-12-31T23:59:59.999999Z. */
  static final long MAXIMUM_MICROS = 253_402_300_799_999_999L;

  /** Squares of larger readings, summed over a window, would come near overflow. */
  static final float MAXIMUM_VALUE = 1e30f;

  private final float[] step;

  ReadingCheck(int channels) {
    this.step = new float[channels];
  }

  /**
   * Checks a reading.
   *
   * @param reading not modified
   * @param newestMicros event time of the reading before; -1: none
   * @return [C] its values, NaN where missing; valid until the next call
   * @throws InvalidInputException WRONG_DIMENSION, BAD_TIME, MALFORMED, NOT_FINITE, OUT_OF_RANGE,
   *     DUPLICATE or LATE
   */
  float[] accept(SensorReading reading, long newestMicros) {
    List<Float> values = reading.getValues();
    if (values.size() != step.length) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "reading has " + values.size() + " values, expected " + step.length);
    }
    long micros = reading.getTimeMicros();
    if (micros < 0 || micros > MAXIMUM_MICROS) {
      throw new InvalidInputException(
          Reason.BAD_TIME, "time is " + micros + " microseconds, expected 0 to " + MAXIMUM_MICROS);
    }
    markMissing(reading.getMissing());
    readObserved(values);
    requireOrder(micros, newestMicros);
    return step;
  }

  private void markMissing(List<Integer> missing) {
    Arrays.fill(step, 0f);
    int before = -1;
    for (int channel : missing) {
      if (channel <= before || channel >= step.length) {
        throw new InvalidInputException(
            Reason.MALFORMED,
            "missing channel is " + channel + ", expected rising numbers below " + step.length);
      }
      step[channel] = Float.NaN;
      before = channel;
    }
  }

  private void readObserved(List<Float> values) {
    FloatArray unboxed = values instanceof FloatArray floats ? floats : null;
    for (int channel = 0; channel < step.length; channel++) {
      if (Float.isNaN(step[channel])) {
        continue;
      }
      float value = unboxed != null ? unboxed.getFloat(channel) : values.get(channel);
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(
            Reason.NOT_FINITE, "value " + channel + " is " + value + ", expected a finite number");
      }
      if (Math.abs(value) > MAXIMUM_VALUE) {
        throw new InvalidInputException(
            Reason.OUT_OF_RANGE,
            "value " + channel + " is " + value + ", expected at most " + MAXIMUM_VALUE);
      }
      step[channel] = value;
    }
  }

  private static void requireOrder(long micros, long newestMicros) {
    if (micros == newestMicros) {
      throw new InvalidInputException(
          Reason.DUPLICATE, "time is " + micros + ", as of the reading before");
    }
    if (micros < newestMicros) {
      throw new InvalidInputException(
          Reason.LATE, "time is " + micros + ", the newest reading is of " + newestMicros);
    }
  }
}
