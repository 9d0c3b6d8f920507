package io.millrace.app.replay;

import io.millrace.schema.SensorReading;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.util.List;

/**
 * Five minutes of an electrocardiogram: 108,000 readings of one channel in millivolt at 360 Hz,
 * lead MLII of record 208 of the MIT-BIH Arrhythmia Database (Moody and Mark, 2001; PhysioNet,
 * Goldberger et al., 2000). Licence and provenance lie beside the resource.
 */
public final class EcgDataset implements SensorDataset {
  /** The record key. */
  public static final String SENSOR = "ecg-208";

  /** Readings. */
  public static final int READINGS = 108_000;

  private static final String RESOURCE = "/data/ecg/mitbih-208-excerpt-360hz-int16le.bin";
  private static final int RATE_HERTZ = 360;

  @Override
  public String name() {
    return "ecg";
  }

  @Override
  public ReadingCursor open() {
    ShortBuffer samples = ByteBuffer.wrap(bytes()).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
    return new ListCursor(
        List.of("MLII millivolt"),
        samples.remaining(),
        offsetMicros(samples.remaining()),
        i -> new KeyedReading(SENSOR, reading(i, samples.get(i))));
  }

  private static SensorReading reading(int index, short sample) {
    float millivolt = (sample - 1024) / 200f;
    return new SensorReading(BASE_MICROS + offsetMicros(index), List.of(millivolt), List.of());
  }

  /** index / 360 s in microseconds, rounded half up. */
  private static long offsetMicros(int index) {
    return (2L * index * 1_000_000 + RATE_HERTZ) / (2 * RATE_HERTZ);
  }

  private static byte[] bytes() {
    try (InputStream in = EcgDataset.class.getResourceAsStream(RESOURCE)) {
      byte[] bytes = in == null ? new byte[0] : in.readAllBytes();
      if (bytes.length != READINGS * Short.BYTES) {
        throw new IllegalStateException(
            RESOURCE + " has " + bytes.length + " bytes, expected " + READINGS * Short.BYTES);
      }
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException(RESOURCE + " cannot be read", e);
    }
  }
}
