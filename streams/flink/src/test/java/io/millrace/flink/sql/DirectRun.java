package io.millrace.flink.sql;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.runtime.Catalog;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.OperatorStep;
import io.millrace.runtime.Settings;
import io.millrace.runtime.StepOutput;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.types.Row;

/** The operator's step over the same readings, without Flink, its SQL or its state. */
final class DirectRun<I, S, O> implements StepOutput {
  private final OperatorStep<I, S, O> step;
  private final SingleObject<SensorReading> framing = SingleObject.of(SensorReading.class);
  private final Map<String, S> states = new TreeMap<>();
  private final Map<String, List<String>> outputs = new TreeMap<>();
  private String sensor;

  private DirectRun(OperatorSpec<I, S, O> spec) {
    step = new OperatorStep<>(spec, Models.NONE, 1 << 20);
  }

  /**
   * What each sensor gives, in order; see {@link #code} and {@link #refused}.
   *
   * @param settings of the pipeline, YAML
   */
  static Map<String, List<String>> outputs(String settings) {
    OperatorSpec<?, ?, ?> spec =
        Catalog.pipeline(Settings.parse("direct", settings, Map.of()), "direct")
            .stages()
            .get(0)
            .spec()
            .get();
    return run(spec);
  }

  private static <I, S, O> Map<String, List<String>> run(OperatorSpec<I, S, O> spec) {
    DirectRun<I, S, O> run = new DirectRun<>(spec);
    for (long index = 0; index < SensorRows.COUNT; index++) {
      run.take(SensorRows.row(index));
    }
    run.states.forEach(
        (sensor, state) -> {
          run.sensor = sensor;
          run.step.expire(sensor, state, Long.MAX_VALUE, run);
        });
    return run.outputs;
  }

  /** A row of the function as text. */
  static String text(Row row) {
    byte[] record = row.getFieldAs("record");
    return record == null
        ? refused(row.getFieldAs("reason"), row.getFieldAs("message"))
        : code(row.getFieldAs("record_key"), record);
  }

  private void take(Row row) {
    sensor = row.getFieldAs(0);
    long micros = row.<Instant>getFieldAs(1).toEpochMilli() * 1000;
    List<Float> values = new ArrayList<>();
    List<Integer> missing = new ArrayList<>();
    for (int channel = 0; channel < 2; channel++) {
      Number value = row.getFieldAs(2 + channel);
      values.add(value == null ? 0f : value.floatValue());
      if (value == null) {
        missing.add(channel);
      }
    }
    byte[] record = framing.encode(new SensorReading(micros, values, missing));
    S state = states.computeIfAbsent(sensor, step::createState);
    step.apply(sensor, state, step.decode(record), this);
  }

  private static String code(String key, byte[] record) {
    return key + " " + HexFormat.of().formatHex(record);
  }

  private static String refused(String reason, String message) {
    return reason + " " + message;
  }

  @Override
  public void emit(String channel, String key, byte[] value) {
    outputs.computeIfAbsent(sensor, name -> new ArrayList<>()).add(code(key, value));
  }

  @Override
  public void reject(InvalidInputException refusal) {
    outputs
        .computeIfAbsent(sensor, name -> new ArrayList<>())
        .add(refused(refusal.reason().name(), refusal.getMessage()));
  }
}
