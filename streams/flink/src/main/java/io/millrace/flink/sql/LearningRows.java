package io.millrace.flink.sql;

import io.millrace.operator.InvalidInputException;
import io.millrace.schema.Anomaly;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.Row;

/**
 * What dictionary learning emits as rows: one table for codes, anomalies, dictionary versions and
 * refused readings, so that the learner runs once for all of them. Columns that a kind does not
 * have are NULL. One thread.
 */
final class LearningRows {
  private static final DataType TIME = DataTypes.TIMESTAMP_LTZ(6);
  private static final DataType FLOATS =
      DataTypes.ARRAY(DataTypes.FLOAT().notNull()).bridgedTo(float[].class);

  /** Columns of the result, without the sensor before them and rowtime after them. */
  static final DataType TYPE =
      DataTypes.ROW(
          // CODE, OUTLIER, DRIFT, DICTIONARY or REFUSED
          DataTypes.FIELD("kind", DataTypes.STRING().notNull()),
          DataTypes.FIELD("start_time", TIME),
          DataTypes.FIELD("end_time", TIME),
          DataTypes.FIELD("dictionary", DataTypes.STRING()),
          DataTypes.FIELD("dictionary_version", DataTypes.BIGINT()),
          DataTypes.FIELD(
              "atoms", DataTypes.ARRAY(DataTypes.INT().notNull()).bridgedTo(int[].class)),
          DataTypes.FIELD("coefficients", FLOATS),
          DataTypes.FIELD("mean", FLOATS),
          DataTypes.FIELD("scale", FLOATS),
          DataTypes.FIELD("residual", DataTypes.FLOAT()),
          DataTypes.FIELD("score", DataTypes.FLOAT()),
          DataTypes.FIELD("threshold", DataTypes.FLOAT()),
          DataTypes.FIELD("peak_time", TIME),
          DataTypes.FIELD("peak_channel", DataTypes.INT()),
          DataTypes.FIELD("relative_error", DataTypes.FLOAT()),
          DataTypes.FIELD("reason", DataTypes.STRING()),
          DataTypes.FIELD("message", DataTypes.STRING()),
          DataTypes.FIELD("record_key", DataTypes.STRING()),
          DataTypes.FIELD("record", DataTypes.BYTES()));

  private final SingleObject<SparseCode> codes = SingleObject.of(SparseCode.class);
  private final SingleObject<Anomaly> anomalies = SingleObject.of(Anomaly.class);
  private final SingleObject<DictionaryVersion> dictionaries =
      SingleObject.of(DictionaryVersion.class);

  /**
   * The row of one result.
   *
   * @param channel of the operator
   * @param key of the record
   * @param record framed
   */
  Row result(String channel, String sensor, String key, byte[] record) {
    Row row =
        switch (channel) {
          case "codes" -> code(sensor, codes.decode(record));
          case "anomalies" -> anomaly(sensor, anomalies.decode(record));
          case "dictionaries" -> dictionary(dictionaries.decode(record));
          default -> throw new IllegalStateException("no rows for channel " + channel);
        };
    row.setField("record_key", key);
    row.setField("record", record);
    return row;
  }

  /** The row of a refused reading: reason and message, as a dead letter has them. */
  Row refused(InvalidInputException refusal) {
    Row row = row("REFUSED");
    row.setField("reason", refusal.reason().name());
    row.setField("message", refusal.getMessage());
    return row;
  }

  private static Row code(String sensor, SparseCode code) {
    Row row = row("CODE");
    window(row, code.getStartMicros(), code.getSpanMicros());
    model(
        row,
        code.getDictionary() == null ? sensor : code.getDictionary(),
        code.getDictionaryVersion());
    int count = code.getAtoms().size();
    int[] atoms = new int[count];
    float[] coefficients = new float[count];
    for (int i = 0, atom = 0; i < count; i++) {
      atom += code.getAtoms().get(i);
      atoms[i] = atom;
      coefficients[i] = code.getCoefficients().get(i) * code.getCoefficientStep();
    }
    row.setField("atoms", atoms);
    row.setField("coefficients", coefficients);
    row.setField("mean", floats(code.getMean()));
    row.setField("scale", floats(code.getScale()));
    row.setField("residual", code.getResidual());
    row.setField("score", code.getAnomalyScore());
    return row;
  }

  private static Row anomaly(String sensor, Anomaly anomaly) {
    Row row = row(anomaly.getKind().name());
    window(row, anomaly.getStartMicros(), anomaly.getSpanMicros());
    model(
        row,
        anomaly.getDictionary() == null ? sensor : anomaly.getDictionary(),
        anomaly.getDictionaryVersion());
    row.setField("residual", anomaly.getResidual());
    row.setField("score", anomaly.getScore());
    row.setField("threshold", anomaly.getThreshold());
    row.setField("peak_time", time(anomaly.getPeakMicros()));
    row.setField("peak_channel", anomaly.getPeakChannel());
    row.setField("message", anomaly.getReaction().isEmpty() ? null : anomaly.getReaction());
    return row;
  }

  private static Row dictionary(DictionaryVersion version) {
    Row row = row("DICTIONARY");
    row.setField("end_time", time(version.getTimeMicros()));
    model(row, version.getDictionary(), version.getVersion());
    row.setField("relative_error", version.getRelativeError());
    row.setField("reason", version.getCause().name());
    return row;
  }

  private static Row row(String kind) {
    Row row = Row.withNames();
    row.setField("kind", kind);
    return row;
  }

  private static void window(Row row, long startMicros, long spanMicros) {
    row.setField("start_time", time(startMicros));
    row.setField("end_time", time(startMicros + spanMicros));
  }

  private static void model(Row row, String dictionary, long version) {
    row.setField("dictionary", dictionary);
    row.setField("dictionary_version", version);
  }

  private static Instant time(long micros) {
    return Instant.EPOCH.plus(micros, ChronoUnit.MICROS);
  }

  private static float[] floats(List<Float> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i);
    }
    return floats;
  }
}
