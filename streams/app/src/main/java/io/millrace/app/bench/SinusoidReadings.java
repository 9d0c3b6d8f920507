package io.millrace.app.bench;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Writes readings of sensors that see sums of a few sinusoids with noise: what a coder has to work
 * for. The same calls write the same values. One thread.
 */
final class SinusoidReadings implements AutoCloseable {
  private static final long SEED = 11;
  private static final int SENSORS = 16;

  private final SingleObject<SensorReading> framing = SingleObject.of(SensorReading.class);
  private final Random random = new Random(SEED);
  private final SensorReading reading = new SensorReading();
  private final KafkaProducer<byte[], byte[]> producer;
  private final String topic;
  private final long firstMillis;

  /**
   * @param firstMillis event time of step 0; near the present, or the topic's retention takes the
   *     records while they are read
   */
  SinusoidReadings(String servers, String topic, long firstMillis) {
    this.topic = topic;
    this.firstMillis = firstMillis;
    reading.setMissing(List.of());
    producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", servers, "linger.ms", 50, "batch.size", 262_144),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  /** Writes readings of {@value #SENSORS} sensors that end about now. */
  static void fill(String servers, String topic, int records) {
    int steps = records / SENSORS;
    // older timestamps would fall to the topic's retention while they are read
    try (SinusoidReadings readings =
        new SinusoidReadings(servers, topic, System.currentTimeMillis() - steps)) {
      for (int step = 0; step < steps; step++) {
        readings.step(step, SENSORS);
      }
    }
  }

  /** One reading of each of the first {@code sensors} sensors. */
  void step(int step, int sensors) {
    for (int sensor = 0; sensor < sensors; sensor++) {
      write(step, sensor);
    }
  }

  private void write(int step, int sensor) {
    double value =
        StrictMath.sin(step * 0.05 * (1 + sensor % 4))
            + 0.5 * StrictMath.sin(step * 0.21 + sensor)
            + 0.1 * random.nextGaussian();
    reading.setTimeMicros((firstMillis + step) * 1000L);
    reading.setValues(List.of((float) value));
    producer.send(
        new ProducerRecord<>(
            topic,
            0,
            firstMillis + step,
            ("sensor-" + sensor).getBytes(StandardCharsets.UTF_8),
            framing.encode(reading)));
  }

  /** Waits until all is written. */
  void flush() {
    producer.flush();
  }

  @Override
  public void close() {
    producer.close();
  }
}
