package io.millrace.kafka;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Readings of sensors whose signals a small dictionary can learn. */
final class Readings {
  private static final SingleObject<SensorReading> FRAMING = SingleObject.of(SensorReading.class);

  /** One record for a driver. */
  record Reading(String sensor, long timeMillis, byte[] value) {
    byte[] key() {
      return sensor.getBytes(StandardCharsets.UTF_8);
    }
  }

  private Readings() {}

  /**
   * {@code steps} readings of each sensor, interleaved, 10 ms apart from {@code startMillis} on.
   */
  static List<Reading> of(int sensors, int steps, long startMillis, long seed) {
    Random random = new Random(seed);
    List<Reading> readings = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      for (int sensor = 0; sensor < sensors; sensor++) {
        double phase = step * (0.3 + 0.1 * sensor);
        double value = Math.sin(phase) + (step / 7 % 3 == 0 ? 1 : 0) + 0.1 * random.nextGaussian();
        readings.add(reading("sensor-" + sensor, startMillis + step * 10L, (float) value));
      }
    }
    return readings;
  }

  static Reading reading(String sensor, long timeMillis, Float... values) {
    return new Reading(sensor, timeMillis, bytes(timeMillis * 1000, values));
  }

  static byte[] bytes(long timeMicros, Float... values) {
    return FRAMING.encode(new SensorReading(timeMicros, List.of(values), List.of()));
  }
}
