package io.millrace.flink.sql;

import io.millrace.flink.sql.LearningArguments.Plan;
import io.millrace.operator.InvalidInputException;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.StepOutput;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.table.functions.SpecializedFunction;
import org.apache.flink.table.functions.TableSemantics;
import org.apache.flink.table.functions.UserDefinedFunction;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.StateTypeStrategy;
import org.apache.flink.table.types.inference.StaticArgument;
import org.apache.flink.table.types.inference.StaticArgumentTrait;
import org.apache.flink.table.types.inference.TypeInference;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.ColumnList;
import org.apache.flink.types.Row;

/**
 * Online dictionary learning as a function of Flink SQL: readings of sensors in; codes, anomalies,
 * dictionary versions and refused readings out.
 *
 * <pre>
 * SELECT * FROM LEARN_DICTIONARY(
 *   input => TABLE readings PARTITION BY sensor,
 *   reading => DESCRIPTOR(celsius, humidity),
 *   on_time => DESCRIPTOR(event_time),
 *   window_length => 64, error_bound => 0.05)
 * </pre>
 *
 * <ul>
 *   <li>{@code input}: a table that only grows, partitioned by the one column that names the sensor
 *   <li>{@code reading}: numeric columns, one a channel; or one array of them; or one BYTES column
 *       of framed {@code SensorReading} records, which bring their own time. A NULL channel is
 *       missing
 *   <li>{@code on_time}: the event time; its watermark drives {@code window_idle_flush_millis}
 *   <li>all others: see {@link LearningArguments}; literals, checked when the query is planned
 *   <li>{@code uid}: Flink's name for the operator's state; give one, so that a changed query finds
 *       its state in a savepoint
 * </ul>
 *
 * <p>The result has the sensor, the columns of {@link LearningRows#TYPE} and {@code rowtime}. A
 * reading that cannot be taken, such as one with NaN or of the time of the one before, becomes a
 * row of kind REFUSED, is counted in {@code millrace.refused} and changes no state.
 *
 * <p>State is a map named {@value #STATE} of a few entries per sensor, without expiry: entries
 * belong together. Cost: see {@link WriteThroughStep}. One thread.
 */
public final class LearnDictionary extends ProcessTableFunction<Row>
    implements SpecializedFunction {
  private static final long serialVersionUID = 1L;

  static final String FUNCTION = "LEARN_DICTIONARY";
  private static final String STATE = "sensor_state";

  private static final int INPUT = 0;
  private static final int READING = 1;
  private static final int SETTINGS = 2;

  /** Sensors whose timer is known; one that is forgotten is only registered again. */
  private static final int KNOWN_TIMERS = 65_536;

  /** What a call asks for; null in the function that is registered, which is never run. */
  private final Call call;

  /** Of the settings of a call: needed while it is planned. */
  private final transient List<StaticArgument> settings;

  private transient ReadingColumns.Extractor columns;
  private transient MapViewChunks chunks;
  private transient WriteThroughStep<?, ?, ?> step;
  private transient LearningRows rows;
  private transient Map<String, Long> timers;
  private transient Counter readings;
  private transient Counter refused;

  /** The function as it is registered. */
  public LearnDictionary() {
    this(null, LearningArguments.declared());
  }

  private LearnDictionary(Call call, List<StaticArgument> settings) {
    this.call = call;
    this.settings = settings;
  }

  /** A checked call: what goes into the job graph. */
  private record Call(ReadingColumns columns, TreeMap<String, Object> settings)
      implements java.io.Serializable {

    static Call of(CallContext context) {
      TableSemantics table =
          context
              .getTableSemantics(INPUT)
              .orElseThrow(
                  () -> LearningArguments.refuse(FUNCTION, "input", "no table", "a table"));
      ColumnList reading =
          context
              .getArgumentValue(READING, ColumnList.class)
              .orElseThrow(
                  () ->
                      LearningArguments.refuse(
                          FUNCTION, "reading", "no columns", "DESCRIPTOR(column, ...)"));
      ReadingColumns columns =
          ReadingColumns.of(
              FUNCTION,
              (RowType) table.dataType().getLogicalType(),
              table.partitionByColumns(),
              reading.getNames());
      TreeMap<String, Object> settings = LearningArguments.values(FUNCTION, context, SETTINGS);
      if (columns.isOneColumnPerChannel()) {
        Object channels = settings.put("channels", columns.reading().size());
        if (channels != null && !channels.equals(columns.reading().size())) {
          throw LearningArguments.refuse(
              FUNCTION,
              "channels",
              channels.toString(),
              "none, or " + columns.reading().size() + ", the columns of a reading");
        }
      }
      LearningArguments.plan(FUNCTION, settings);
      return new Call(columns, settings);
    }
  }

  @Override
  public TypeInference getTypeInference(DataTypeFactory types) {
    List<StaticArgument> arguments = new ArrayList<>();
    arguments.add(
        StaticArgument.table(
            "input",
            Row.class,
            false,
            EnumSet.of(
                StaticArgumentTrait.SET_SEMANTIC_TABLE, StaticArgumentTrait.REQUIRE_ON_TIME)));
    arguments.add(StaticArgument.scalar("reading", DataTypes.DESCRIPTOR(), false));
    arguments.addAll(settings);
    LinkedHashMap<String, StateTypeStrategy> state = new LinkedHashMap<>();
    state.put(
        STATE,
        StateTypeStrategy.of(
            context ->
                Optional.of(MapView.newMapViewDataType(DataTypes.STRING(), DataTypes.BYTES())),
            Duration.ZERO));
    return TypeInference.newBuilder()
        .staticArguments(arguments)
        .stateTypeStrategies(state)
        .inputTypeStrategy(
            new CheckedArguments(
                arguments,
                context -> {
                  if (LearningArguments.areVisible(context, SETTINGS)) {
                    Call.of(context);
                  }
                }))
        .outputTypeStrategy(context -> Optional.of(LearningRows.TYPE))
        .build();
  }

  @Override
  public UserDefinedFunction specialize(SpecializedContext context) {
    try {
      CallContext call = context.getCallContext();
      return new LearnDictionary(
          Call.of(call), LearningArguments.typed(LearningArguments.types(call, SETTINGS)));
    } catch (ConfigurationException e) {
      throw new ValidationException(e.getMessage());
    }
  }

  @Override
  public void open(FunctionContext context) {
    Plan plan = LearningArguments.plan(FUNCTION, call.settings());
    columns = call.columns().new Extractor();
    chunks = new MapViewChunks();
    step = WriteThroughStep.of(plan.pipeline().stages().get(0).spec().get(), plan.engine(), chunks);
    rows = new LearningRows();
    timers =
        new LinkedHashMap<>(64, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > KNOWN_TIMERS;
          }
        };
    readings = context.getMetricGroup().addGroup("millrace").counter("readings");
    refused = context.getMetricGroup().addGroup("millrace").counter("refused");
  }

  /**
   * Takes a row.
   *
   * @param arguments as declared; they were read when the query was planned
   */
  public void eval(Context context, MapView<String, byte[]> state, Row input, Object... arguments) {
    readings.inc();
    chunks.use(state);
    TimeContext<Long> time = context.timeContext(Long.class);
    String sensor = columns.sensor(input);
    OptionalLong deadline =
        step.process(sensor, columns.record(input, time.time()), output(sensor));
    schedule(time, sensor, deadline);
  }

  /** Fires a sensor's deadline; the timer has the sensor's name. */
  public void onTimer(OnTimerContext context, MapView<String, byte[]> state) {
    chunks.use(state);
    TimeContext<Long> time = context.timeContext(Long.class);
    String sensor = context.currentTimer();
    timers.remove(sensor);
    schedule(time, sensor, step.expire(sensor, time.time(), output(sensor)));
  }

  /** A deadline only moves on, so an early timer is looked at again when it fires. */
  private void schedule(TimeContext<Long> time, String sensor, OptionalLong deadline) {
    if (deadline.isPresent() && !timers.containsKey(sensor)) {
      time.registerOnTime(sensor, deadline.getAsLong());
      timers.put(sensor, deadline.getAsLong());
    }
  }

  private StepOutput output(String sensor) {
    return new StepOutput() {
      @Override
      public void emit(String channel, String key, byte[] value) {
        collect(rows.result(channel, sensor, key, value));
      }

      @Override
      public void reject(InvalidInputException refusal) {
        refused.inc();
        collect(rows.refused(refusal));
      }
    };
  }
}
