package io.millrace.operator.dictionary;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Sensor readings for tests. */
final class Readings {
  static final SingleObject<SensorReading> FRAMING = SingleObject.of(SensorReading.class);

  private Readings() {}

  /** A reading in boxed lists, NaN for a missing value. */
  static SensorReading of(long micros, float... values) {
    SensorReading reading = new SensorReading();
    reading.setTimeMicros(micros);
    List<Float> boxed = new ArrayList<>();
    List<Integer> missing = new ArrayList<>();
    for (int channel = 0; channel < values.length; channel++) {
      if (Float.isNaN(values[channel])) {
        missing.add(channel);
      }
      boxed.add(values[channel]);
    }
    reading.setValues(boxed);
    reading.setMissing(missing);
    return reading;
  }

  /** The same reading as an engine sees it, out of its bytes. */
  static SensorReading received(SensorReading reading) {
    return FRAMING.decode(FRAMING.encode(reading));
  }

  /**
   * Two tones of changing strength, an offset per channel and noise, one reading each {@code
   * interval}, beginning at {@code interval}.
   */
  static List<SensorReading> tones(int count, int channels, long interval, long seed) {
    Random random = new Random(seed);
    List<SensorReading> readings = new ArrayList<>();
    double loud = 1;
    for (int i = 0; i < count; i++) {
      if (i % 16 == 0) {
        loud = 0.5 + random.nextDouble();
      }
      float[] values = new float[channels];
      for (int channel = 0; channel < channels; channel++) {
        values[channel] =
            (float)
                (20 * channel
                    + loud * Math.sin(0.7 * i + channel)
                    + 0.5 * Math.sin(2.1 * i)
                    + 0.05 * random.nextGaussian());
      }
      readings.add(received(of((i + 1) * interval, values)));
    }
    return readings;
  }
}
