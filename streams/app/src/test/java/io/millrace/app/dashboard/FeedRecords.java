package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.app.dashboard.PipelineFeed.Role;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DataType;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecord;

/** Records as bytes, and a feed to give them to, on a clock that stands still unless moved. */
final class FeedRecords {
  static final FollowedPipeline PIPELINE =
      new FollowedPipeline("ecg", "dictionary", "", "in", "codes", "anomalies", "models", "dead");
  static final long STEP_MICROS = 1_000;

  private final PipelineFeed feed = new PipelineFeed(PIPELINE);
  private long nowMillis = 1_000;

  void advanceMillis(long millis) {
    nowMillis += millis;
  }

  PipelineView tick() {
    return tick(PipelineCounters.Counts.NONE);
  }

  PipelineView tick(PipelineCounters.Counts counts) {
    return feed.tick(nowMillis, "kafka-streams", counts);
  }

  static <T extends SpecificRecord> byte[] bytes(Class<T> type, T record) {
    return SingleObject.of(type).encode(record);
  }

  static byte[] key(String sensor) {
    return sensor.getBytes(StandardCharsets.UTF_8);
  }

  void accept(Role role, String key, byte[] value) {
    feed.accept(role, key(key), value, nowMillis);
  }

  static byte[] readingBytes(long step, float... values) {
    List<Float> boxed =
        IntStream.range(0, values.length).mapToObj(channel -> values[channel]).toList();
    return bytes(SensorReading.class, new SensorReading(step * STEP_MICROS, boxed, List.of()));
  }

  void reading(String sensor, long step, float... values) {
    accept(Role.READINGS, sensor, readingBytes(step, values));
  }

  /** A window of length steps that uses atom 0 with coefficient 1, mean 10, scale 2. */
  static SparseCode code(long firstStep, int length, long version) {
    return new SparseCode(
        firstStep * STEP_MICROS,
        (length - 1) * STEP_MICROS,
        length,
        null,
        version,
        List.of(10f),
        List.of(2f),
        List.of(0),
        List.of(4),
        0.25f,
        List.of(),
        List.of(),
        List.of(),
        null,
        0.5f,
        1.5f);
  }

  void code(String sensor, SparseCode code) {
    accept(Role.CODES, sensor, bytes(SparseCode.class, code));
  }

  /** Atoms [n x length], one channel; the usage of atom i is i / 1000. */
  static DictionaryVersion slice(
      String id, long version, int atomCount, int firstAtom, float[][] atoms) {
    int length = atoms[0].length;
    ByteBuffer bytes =
        ByteBuffer.allocate(4 * length * atoms.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float[] atom : atoms) {
      for (float value : atom) {
        bytes.putFloat(value);
      }
    }
    List<Float> usage =
        IntStream.range(firstAtom, firstAtom + atoms.length)
            .mapToObj(atom -> atom / 1000f)
            .toList();
    return new DictionaryVersion(
        id,
        version,
        version == 0 ? VersionCause.INITIAL : VersionCause.ROUND,
        "odl",
        length,
        1,
        atomCount,
        firstAtom,
        new Tensor(DataType.FLOAT32, List.of(atoms.length, length), bytes.flip()),
        usage,
        version * 100,
        version * 1_000_000,
        0.25f,
        0);
  }

  void slice(DictionaryVersion slice) {
    accept(Role.DICTIONARIES, slice.getDictionary(), bytes(DictionaryVersion.class, slice));
  }

  static Anomaly anomaly(long firstStep, int length) {
    return new Anomaly(
        AnomalyKind.OUTLIER,
        firstStep * STEP_MICROS,
        (length - 1) * STEP_MICROS,
        4f,
        3f,
        0.9f,
        (firstStep + 1) * STEP_MICROS,
        0,
        null,
        0L,
        "");
  }

  void anomaly(String sensor, Anomaly anomaly) {
    accept(Role.ANOMALIES, sensor, bytes(Anomaly.class, anomaly));
  }

  void deadLetter(String reason, String message, long offset) {
    accept(
        Role.DEAD_LETTERS,
        "any",
        bytes(
            DeadLetter.class,
            new DeadLetter(
                "ecg",
                reason,
                message,
                "in",
                2,
                offset,
                5L,
                ByteBuffer.wrap(key("k\u0007")),
                null,
                -1L)));
  }

  static PipelineCounters.Counts counts(long recordsIn) {
    return new PipelineCounters.Counts(recordsIn, 0, 7, 0, 0, 0, Optional.empty(), Map.of());
  }

  static List<Float> floats(int count, float value) {
    return Collections.nCopies(count, value);
  }
}
