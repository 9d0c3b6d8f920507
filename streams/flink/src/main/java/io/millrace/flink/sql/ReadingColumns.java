package io.millrace.flink.sql;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.io.Serializable;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.Row;

/**
 * Which columns of a table make up a sensor and its readings.
 *
 * @param sensor position of the one column that the table is partitioned by
 * @param reading positions of the columns that a reading is made of
 */
record ReadingColumns(RowType table, int sensor, List<Integer> reading) implements Serializable {
  private static final Set<LogicalTypeRoot> NUMBERS =
      Set.of(
          LogicalTypeRoot.FLOAT,
          LogicalTypeRoot.DOUBLE,
          LogicalTypeRoot.TINYINT,
          LogicalTypeRoot.SMALLINT,
          LogicalTypeRoot.INTEGER,
          LogicalTypeRoot.BIGINT);
  private static final Set<LogicalTypeRoot> KEYS =
      Set.of(
          LogicalTypeRoot.CHAR,
          LogicalTypeRoot.VARCHAR,
          LogicalTypeRoot.TINYINT,
          LogicalTypeRoot.SMALLINT,
          LogicalTypeRoot.INTEGER,
          LogicalTypeRoot.BIGINT);
  private static final String EXPECTED =
      "numeric columns, one for each channel, or one ARRAY of FLOAT or DOUBLE, or one BYTES column"
          + " of framed SensorReading records";

  /**
   * Finds and checks the columns of a call.
   *
   * @param partitionBy positions
   * @param names of the reading's columns
   * @throws io.millrace.runtime.ConfigurationException for columns that cannot be a sensor or a
   *     reading
   */
  static ReadingColumns of(String function, RowType table, int[] partitionBy, List<String> names) {
    if (partitionBy.length != 1 || !KEYS.contains(root(table, partitionBy[0]))) {
      throw LearningArguments.refuse(
          function,
          "PARTITION BY",
          partitionBy.length == 1
              ? "a column of type " + table.getTypeAt(partitionBy[0])
              : partitionBy.length + " columns",
          "the one column that names the sensor, STRING or an integer");
    }
    List<Integer> reading = new ArrayList<>();
    for (String name : names) {
      int position = table.getFieldIndex(name);
      if (position < 0) {
        throw LearningArguments.refuse(
            function, "reading", "column " + name, "some of " + table.getFieldNames());
      }
      LogicalType type = table.getTypeAt(position);
      if (!NUMBERS.contains(type.getTypeRoot()) && !(names.size() == 1 && isWhole(type))) {
        throw LearningArguments.refuse(
            function, "reading", "column " + name + " of type " + type, EXPECTED);
      }
      reading.add(position);
    }
    if (reading.isEmpty()) {
      throw LearningArguments.refuse(function, "reading", "no columns", EXPECTED);
    }
    return new ReadingColumns(table, partitionBy[0], List.copyOf(reading));
  }

  /** True when each column is one channel, so that their number is the number of channels. */
  boolean isOneColumnPerChannel() {
    return NUMBERS.contains(root(table, reading.get(0)));
  }

  /** Takes rows apart. One thread. */
  final class Extractor {
    private final SingleObject<SensorReading> framing = SingleObject.of(SensorReading.class);

    /** The sensor; empty for NULL, which the operator's step refuses. */
    String sensor(Row row) {
      Object key = row.getField(sensor);
      return key == null ? "" : key.toString();
    }

    /**
     * The reading, framed; null for NULL, which the operator's step refuses. A NULL channel is a
     * missing one.
     *
     * @param timeMillis of the row; a framed reading has its own
     */
    byte[] record(Row row, long timeMillis) {
      if (isOneColumnPerChannel()) {
        return frame(timeMillis, reading.size(), i -> row.getField(reading.get(i)));
      }
      Object whole = row.getField(reading.get(0));
      return whole == null || whole instanceof byte[]
          ? (byte[]) whole
          : frame(timeMillis, Array.getLength(whole), i -> Array.get(whole, i));
    }

    private byte[] frame(long timeMillis, int channels, IntFunction<Object> value) {
      List<Float> values = new ArrayList<>(channels);
      List<Integer> missing = new ArrayList<>();
      for (int channel = 0; channel < channels; channel++) {
        Object number = value.apply(channel);
        values.add(number == null ? 0f : ((Number) number).floatValue());
        if (number == null) {
          missing.add(channel);
        }
      }
      return framing.encode(new SensorReading(timeMillis * 1000, values, missing));
    }
  }

  private static boolean isWhole(LogicalType type) {
    return type.is(LogicalTypeRoot.VARBINARY)
        || type.is(LogicalTypeRoot.BINARY)
        || type instanceof ArrayType array
            && (array.getElementType().is(LogicalTypeRoot.FLOAT)
                || array.getElementType().is(LogicalTypeRoot.DOUBLE));
  }

  private static LogicalTypeRoot root(RowType table, int position) {
    return table.getTypeAt(position).getTypeRoot();
  }
}
