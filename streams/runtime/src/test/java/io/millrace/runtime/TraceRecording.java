package io.millrace.runtime;

import io.millrace.runtime.Trace.Event;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Records the traces anew: {@code TraceRecording FOLDER}, with {@code src/test/resources/trace} as
 * the folder, whenever outputs are meant to change. Partitions, keys, faults and silences are drawn
 * from a seed.
 */
final class TraceRecording {
  private static final int PARTITIONS = 4;
  private static final int STEP_MILLIS = 10;
  private static final long START_MILLIS = 1_700_000_000_000L;

  /** Model versions reach the sensors so many records after they were published. */
  private static final int MODEL_DELAY = 7;

  private final SingleObject<SensorReading> readings = SingleObject.of(SensorReading.class);
  private final long[] offsets = new long[PARTITIONS];
  private final Random random;
  private final String topic;
  private final int channels;

  private TraceRecording(String topic, int channels, long seed) {
    this.topic = topic;
    this.channels = channels;
    this.random = new Random(seed);
  }

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    Files.write(folder.resolve("sensors.bin"), sensors().encode());
    List<Trace> shared = shared();
    Files.write(folder.resolve("shared.bin"), shared.get(0).encode());
    Files.write(folder.resolve("merge.bin"), shared.get(1).encode());
    List<Trace> cache = KeyValueTraceRecording.record();
    Files.write(folder.resolve("window.bin"), cache.get(0).encode());
    Files.write(folder.resolve("learning.bin"), cache.get(1).encode());
    List<Trace> federated = FederatedTraceRecording.record();
    Files.write(folder.resolve("aggregation.bin"), federated.get(0).encode());
    Files.write(folder.resolve("control.bin"), federated.get(1).encode());
    List<Trace> masked = MaskedTraceRecording.record();
    Files.write(folder.resolve("masked-aggregation.bin"), masked.get(0).encode());
    Files.write(folder.resolve("masked-control.bin"), masked.get(1).encode());
    Files.write(folder.resolve("mixing.bin"), MixingTraceRecording.record().encode());
  }

  /** Readings of sensors that learn alone. */
  static Trace sensors() {
    Deployment deployment = Trace.deployment(Trace.SENSORS);
    Stage stage = Trace.stage(deployment, Trace.SENSORS);
    TraceRun run = new TraceRun(deployment, stage);
    List<Event> events = new ArrayList<>();
    for (TopicRecord record : new TraceRecording(stage.inputTopic(), 2, 3).records(110)) {
      events.add(new Event(record, run.take(record)));
    }
    return new Trace(deployment, stage, List.copyOf(events));
  }

  /**
   * The two stages of sensors that learn together: the second one's input is the first's output.
   */
  static List<Trace> shared() {
    Deployment deployment = Trace.deployment(Trace.SHARED);
    Stage sensors = Trace.stage(deployment, Trace.SHARED);
    Stage merge = Trace.stage(deployment, Trace.MERGE);
    TraceRun sensorRun = new TraceRun(deployment, sensors);
    TraceRun mergeRun = new TraceRun(deployment, merge);
    List<Event> sensorEvents = new ArrayList<>();
    List<Event> mergeEvents = new ArrayList<>();
    ArrayDeque<TopicRecord> underway = new ArrayDeque<>();
    int taken = 0;
    for (TopicRecord record : new TraceRecording(sensors.inputTopic(), 1, 5).records(60)) {
      if (++taken % MODEL_DELAY == 0) {
        for (; !underway.isEmpty(); underway.remove()) {
          sensorEvents.add(new Event(underway.peek(), sensorRun.take(underway.peek())));
        }
      }
      List<TopicRecord> outputs = sensorRun.take(record);
      sensorEvents.add(new Event(record, outputs));
      for (TopicRecord output : outputs) {
        if (output.topic().equals(merge.inputTopic())) {
          // a third of them damaged on the way
          for (byte[] value : damaged(output.value(), mergeEvents.size())) {
            TopicRecord sums = placed(output, value, 2, mergeEvents.size());
            List<TopicRecord> merged = mergeRun.take(sums);
            mergeEvents.add(new Event(sums, merged));
            for (TopicRecord version : merged) {
              if (version.topic().equals(sensors.following().topic())) {
                underway.add(placed(version, version.value(), 1, sensorEvents.size()));
              }
            }
          }
        }
      }
    }
    return List.of(
        new Trace(deployment, sensors, List.copyOf(sensorEvents)),
        new Trace(deployment, merge, List.copyOf(mergeEvents)));
  }

  private static List<byte[]> damaged(byte[] value, int number) {
    return number % 3 == 1
        ? List.of(Arrays.copyOf(value, value.length / 2), value)
        : List.of(value);
  }

  private static TopicRecord placed(TopicRecord record, byte[] value, int partition, long offset) {
    return new TopicRecord(
        record.topic(), partition, offset, record.timestampMillis(), record.key(), value);
  }

  /** {@code steps} records of each partition, the partitions interleaved by chance. */
  private List<TopicRecord> records(int steps) {
    List<TopicRecord> records = new ArrayList<>();
    int[] step = new int[PARTITIONS];
    while (Arrays.stream(step).anyMatch(done -> done < steps)) {
      int partition = random.nextInt(PARTITIONS);
      if (step[partition] < steps) {
        add(records, partition, step[partition]++);
      }
    }
    return records;
  }

  /** Two sensors take turns; the second is silent for a while, so that the first flushes it. */
  private void add(List<TopicRecord> records, int partition, int step) {
    boolean silent = step % 50 >= 20;
    int sensor = silent ? 0 : step % 2;
    String name = (partition == 0 ? "ölpumpe-" : "sensor-") + partition + "-" + sensor;
    byte[] key = name.getBytes(StandardCharsets.UTF_8);
    long millis = START_MILLIS + (long) step * STEP_MILLIS + 1000L * partition;
    byte[] value = reading(millis * 1000, sensor, step);
    records.add(record(partition, millis, key, value));
    if (random.nextInt(8) == 0) {
      records.add(faulty(partition, millis, key, value, sensor, step));
    }
  }

  private byte[] reading(long micros, int sensor, int step) {
    Float[] values = new Float[channels];
    boolean spike = step % 37 == 36;
    for (int channel = 0; channel < channels; channel++) {
      double phase = step * (0.4 + 0.2 * sensor + 0.1 * channel);
      values[channel] =
          (float) (StrictMath.sin(phase) + 0.05 * random.nextGaussian() + (spike ? 4 : 0));
    }
    List<Integer> missing = channels > 1 && step % 29 == 28 ? List.of(1) : List.of();
    return readings.encode(new SensorReading(micros, List.of(values), missing));
  }

  private TopicRecord faulty(
      int partition, long millis, byte[] key, byte[] value, int sensor, int step) {
    Float[] notFinite = new Float[channels];
    Arrays.fill(notFinite, Float.NaN);
    return switch (random.nextInt(10)) {
      case 0 -> record(partition, millis, null, value);
      case 1 -> record(partition, millis, key, null);
      case 2 -> record(partition, millis, key, Arrays.copyOf(value, value.length - 2));
      case 3 -> record(partition, millis, key, new byte[5000]);
      case 4 -> record(partition, millis, key, value);
      case 5 -> record(partition, millis, key, reading((millis - 5) * 1000, sensor, step));
      case 6 ->
          record(
              partition,
              millis,
              key,
              readings.encode(new SensorReading(millis * 1000 + 1, List.of(notFinite), List.of())));
      case 7 -> record(partition, millis, new byte[] {(byte) 0xff, 'x'}, value);
      case 8 -> record(partition, millis, key, reading(-5_000_000, sensor, step));
      default -> {
        byte[] foreign = value.clone();
        foreign[4] ^= 0x55;
        yield record(partition, millis, key, foreign);
      }
    };
  }

  private TopicRecord record(int partition, long millis, byte[] keyOrNull, byte[] valueOrNull) {
    return new TopicRecord(topic, partition, offsets[partition]++, millis, keyOrNull, valueOrNull);
  }
}
