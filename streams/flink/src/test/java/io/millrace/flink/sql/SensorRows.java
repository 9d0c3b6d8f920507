package io.millrace.flink.sql;

import java.time.Instant;
import org.apache.flink.types.Row;

/**
 * Readings of three sensors in turn, one a second: a slow wave with an event planted in sensor-0, a
 * silence of sensor-2, values that are missing and values that are refused. A function of the
 * index, so that every run sees the same.
 */
final class SensorRows {
  static final int STEPS = 1500;
  static final int COUNT = 3 * STEPS;
  static final int EVENT = 1000;
  static final int EVENT_STEPS = 8;
  static final int NOT_FINITE = 700;
  static final int DUPLICATE = 710;

  private static final int SILENCE = 400;
  private static final int SILENCE_STEPS = 40;

  private SensorRows() {}

  /** sensor, event time, temperature, humidity. */
  static Row row(long index) {
    int step = (int) (index / 3);
    int number = (int) (index % 3);
    // while sensor-2 is silent another one speaks
    boolean silent = number == 2 && step >= SILENCE && step < SILENCE + SILENCE_STEPS;
    String sensor = silent ? "short-lived" : "sensor-" + number;
    boolean repeats = number == 1 && step == DUPLICATE;
    Float celsius = (float) (20 + Math.sin(step * 0.3 + number));
    Double humidity = 50 + Math.cos(step * 0.2) * (number + 1);
    if (number == 0 && step >= EVENT && step < EVENT + EVENT_STEPS) {
      celsius = step % 2 == 0 ? 26f : 14f;
    }
    if (number == 0 && step == NOT_FINITE) {
      celsius = Float.NaN;
    }
    if (number == 1 && step % 97 == 5) {
      humidity = null;
    }
    return Row.of(
        sensor, Instant.ofEpochSecond(1_000 + step - (repeats ? 1 : 0)), celsius, humidity);
  }
}
