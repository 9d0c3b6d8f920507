package io.millrace.flink.sql;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;

/**
 * Opens a framed {@code SensorReading}: {@code DECODE_READING(record BYTES)} gives {@code
 * ROW<event_time TIMESTAMP_LTZ(6), channels ARRAY<FLOAT>>}, a missing channel as NULL.
 *
 * <p>NULL for NULL and for bytes that are no reading, which is counted in {@code
 * millrace.unreadable}. One thread.
 */
public final class DecodeReading extends ScalarFunction {
  private static final long serialVersionUID = 1L;

  private transient SingleObject<SensorReading> framing;
  private transient SensorReading reuse;
  private transient Counter unreadable;

  @Override
  public void open(FunctionContext context) {
    framing = SingleObject.of(SensorReading.class);
    unreadable = context.getMetricGroup().addGroup("millrace").counter("unreadable");
  }

  /**
   * Opens a record.
   *
   * @param record not modified
   */
  @DataTypeHint("ROW<event_time TIMESTAMP_LTZ(6), channels ARRAY<FLOAT>>")
  public Row eval(byte[] record) {
    if (record == null) {
      return null;
    }
    try {
      reuse = framing.decode(record, reuse);
      Instant time = Instant.EPOCH.plus(reuse.getTimeMicros(), ChronoUnit.MICROS);
      return Row.of(time, channels(reuse));
    } catch (UnreadableRecordException | IndexOutOfBoundsException e) {
      // counted: NULL says it in the row, and one damaged record must not stop a query
      unreadable.inc();
      return null;
    }
  }

  private static Float[] channels(SensorReading reading) {
    List<Float> values = reading.getValues();
    Float[] channels = values.toArray(Float[]::new);
    for (int missing : reading.getMissing()) {
      channels[missing] = null;
    }
    return channels;
  }
}
