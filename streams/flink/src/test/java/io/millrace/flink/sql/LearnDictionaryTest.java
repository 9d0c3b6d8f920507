package io.millrace.flink.sql;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.flink.Savepoints;
import io.millrace.flink.sql.SqlSession.Obstacle;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearnDictionaryTest {
  private static final String LEARNED =
      """
      LEARN_DICTIONARY(
        input => TABLE readings PARTITION BY sensor,
        reading => DESCRIPTOR(celsius, humidity),
        on_time => DESCRIPTOR(event_time),
        window_length => 16, window_idle_flush_millis => 5000, error_bound => 0.05,
        rounds_first_windows => 8, rounds_batch_windows => 4, detection_warm_up_windows => 16,
        uid => 'learned')
      """;

  private static final String SAME_SETTINGS =
      """
      channels: 2
      window: {length: 16, idle-flush-millis: 5000}
      error-bound: 0.05
      rounds: {first-windows: 8, batch-windows: 4}
      detection: {warm-up-windows: 16}
      """;

  @TempDir Path directory;

  private static List<Row> learned;

  @BeforeAll
  static void learn() {
    learned = new SqlSession().rows("SELECT * FROM " + LEARNED);
  }

  @Test
  void givesTheOperatorsRecordsRowByRow() throws Exception {
    assertEquals(DirectRun.outputs(SAME_SETTINGS), SqlSession.bySensor(learned));
  }

  @Test
  void anomaliesAreSelectedByTheirKind() throws Exception {
    List<Row> rows =
        new SqlSession()
            .rows(
                "SELECT sensor, start_time, end_time, score, threshold, peak_time, peak_channel"
                    + " FROM "
                    + LEARNED
                    + " WHERE kind = 'OUTLIER'");

    Instant first = Instant.ofEpochSecond(1_000 + SensorRows.EVENT);
    Instant last = first.plusSeconds(SensorRows.EVENT_STEPS - 1);
    assertFalse(rows.isEmpty());
    for (Row row : rows) {
      assertEquals("sensor-0", row.getField("sensor"), row.toString());
      assertTrue(row.<Float>getFieldAs("score") > row.<Float>getFieldAs("threshold"));
      Instant peak = row.getFieldAs("peak_time");
      Instant start = row.getFieldAs("start_time");
      Instant end = row.getFieldAs("end_time");
      assertFalse(start.isAfter(last) || end.isBefore(first), row.toString());
      assertFalse(peak.isBefore(start) || peak.isAfter(end), row.toString());
      assertEquals(0, row.<Integer>getFieldAs("peak_channel"));
    }
  }

  @Test
  void badReadingsBecomeRowsWithAReason() {
    List<Row> refused =
        learned.stream()
            .filter(row -> row.getField("kind").equals("REFUSED"))
            .map(
                row ->
                    Row.of(
                        row.getField("sensor"),
                        row.getField("reason"),
                        row.getField("message"),
                        row.getField("rowtime")))
            .toList();

    assertEquals(
        List.of(
            Row.of(
                "sensor-0",
                "NOT_FINITE",
                "value 0 is NaN, expected a finite number",
                Instant.ofEpochSecond(1_000 + SensorRows.NOT_FINITE)),
            Row.of(
                "sensor-1",
                "DUPLICATE",
                "time is 1709000000, as of the reading before",
                Instant.ofEpochSecond(1_000 + SensorRows.DUPLICATE - 1))),
        refused);
  }

  @Test
  void codesAreRestoredToWithinTheBoundByTheDictionaryTheyName() throws Exception {
    SqlSession session = new SqlSession();
    Map<String, byte[]> dictionaries = new HashMap<>();
    List<Row> pairs = new ArrayList<>();
    for (Row row : learned) {
      String id = row.getField("dictionary") + "@" + row.getField("dictionary_version");
      if (row.getField("kind").equals("DICTIONARY")) {
        dictionaries.put(id, row.getFieldAs("record"));
      } else if (row.getField("kind").equals("CODE") && row.getField("sensor").equals("sensor-2")) {
        pairs.add(Row.of(row.getField("start_time"), row.getField("record"), dictionaries.get(id)));
      }
    }
    session
        .tables()
        .createTemporaryView(
            "coded", session.tables().fromValues(pairs.toArray()).as("t", "code", "dictionary"));

    int values = 0;
    for (Row row :
        session.rows(
            "SELECT t, RESTORE_WINDOW(code, dictionary), RESTORE_WINDOW(code, ARRAY[dictionary]),"
                + " RESTORE_WINDOW(code, code) FROM coded")) {
      long step = row.<Instant>getFieldAs(0).getEpochSecond() - 1_000;
      float[] restored = floats(row.getField(1));
      assertEquals(List.of(boxed(restored)), List.of(boxed(floats(row.getField(2)))));
      assertNull(row.getField(3));
      for (int i = 0; i < 16 && step + i < SensorRows.STEPS; i++) {
        Row reading = SensorRows.row((step + i) * 3 + 2);
        if (reading.getField(0).equals("sensor-2")) {
          assertEquals(reading.<Float>getFieldAs(2), restored[i], 0.05f);
          assertEquals(reading.<Double>getFieldAs(3), restored[16 + i], 0.05f);
          values++;
        }
      }
    }
    assertTrue(values > 1400, values + " values");
  }

  @Test
  void takesArraysAndFramedRecordsAsItTakesColumns() {
    SqlSession session = new SqlSession();
    session.tables().createTemporarySystemFunction("FRAME", Frame.class);
    session
        .tables()
        .executeSql(
            "CREATE TEMPORARY VIEW others AS SELECT sensor, event_time,"
                + " ARRAY[CAST(celsius AS DOUBLE), humidity] AS pair,"
                + " FRAME(event_time, celsius, humidity) AS record FROM readings");

    for (String column : List.of("pair", "record")) {
      List<Row> rows =
          session.rows(
              "SELECT * FROM "
                  + LEARNED
                      .replace("TABLE readings", "TABLE others")
                      .replace("celsius, humidity)", column + "), channels => 2"));
      assertEquals(SqlSession.bySensor(learned), SqlSession.bySensor(rows), column);
    }
  }

  @Test
  void framedReadingsAreDecodedAndOthersAreNull() {
    SqlSession session = new SqlSession();
    session.tables().createTemporarySystemFunction("FRAME", Frame.class);

    List<Row> rows =
        session.rows(
            "SELECT DECODE_READING(FRAME(TO_TIMESTAMP_LTZ(1500, 3), CAST(1.5 AS FLOAT),"
                + " CAST(NULL AS DOUBLE))), DECODE_READING(X'C301'), DECODE_READING(CAST(NULL AS"
                + " BYTES))");

    Row reading = rows.get(0).getFieldAs(0);
    assertEquals(Instant.ofEpochMilli(1500), reading.getField("event_time"));
    assertEquals(
        Arrays.asList(1.5f, null), Arrays.asList(reading.<Object[]>getFieldAs("channels")));
    assertNull(rows.get(0).getField(1));
    assertNull(rows.get(0).getField(2));
  }

  /** A framed reading of two channels, as another program would write it. */
  public static final class Frame extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    public byte[] eval(
        @DataTypeHint("TIMESTAMP_LTZ(3)") Instant time, Float celsius, Double humidity) {
      return SingleObject.of(SensorReading.class)
          .encode(
              new SensorReading(
                  time.toEpochMilli() * 1000,
                  List.of(
                      celsius == null ? 0f : celsius,
                      humidity == null ? 0f : humidity.floatValue()),
                  humidity == null ? List.of(1) : List.of()));
    }
  }

  @Test
  void theLearnerRunsOnceForAllStatementsOverItsView() {
    SqlSession session = new SqlSession();
    session.tables().executeSql("CREATE TEMPORARY VIEW learned AS SELECT * FROM " + LEARNED);
    session
        .tables()
        .executeSql(
            "CREATE TEMPORARY TABLE codes (record_key STRING, record BYTES) WITH ('connector' ="
                + " 'blackhole')");
    session
        .tables()
        .executeSql(
            "CREATE TEMPORARY TABLE anomalies (sensor STRING, kind STRING, score FLOAT) WITH"
                + " ('connector' = 'blackhole')");

    String plan =
        session
            .tables()
            .createStatementSet()
            .addInsertSql(
                "INSERT INTO codes SELECT record_key, record FROM learned WHERE kind = 'CODE'")
            .addInsertSql(
                "INSERT INTO anomalies SELECT sensor, kind, score FROM learned WHERE kind IN"
                    + " ('OUTLIER', 'DRIFT')")
            .explain();

    String execution = plan.substring(plan.indexOf("== Optimized Execution Plan =="));
    assertEquals(2, execution.split("ProcessTableFunction\\(", -1).length, execution);
  }

  @ParameterizedTest
  @CsvSource({"hashmap, 1, rocksdb, 2", "rocksdb, 2, hashmap, 1"})
  void aSavepointInTheMiddleChangesNoRowOnAnyBackendAndParallelism(
      String firstBackend, int firstParallelism, String backend, int parallelism) throws Exception {
    JobClient first =
        new SqlSession(configuration(firstBackend, firstParallelism), Obstacle.TRICKLE)
            .start("SELECT * FROM " + LEARNED);
    await(() -> SqlSession.results().size() > 100);
    String savepoint = Savepoints.stop(first, directory, SavepointFormatType.CANONICAL);
    List<Row> rows = new ArrayList<>(SqlSession.results());
    assertTrue(rows.size() < learned.size(), rows.size() + " rows before the savepoint");

    Map<String, String> configuration = configuration(backend, parallelism);
    configuration.put("execution.state-recovery.path", savepoint);
    new SqlSession(configuration, Obstacle.NONE)
        .start("SELECT * FROM " + LEARNED)
        .getJobExecutionResult()
        .get(60, TimeUnit.SECONDS);
    rows.addAll(SqlSession.results());

    assertEquals(DirectRun.outputs(SAME_SETTINGS), SqlSession.bySensor(rows));
  }

  @Test
  void aFailureAfterACheckpointChangesNoRow() throws Exception {
    Map<String, String> configuration = configuration("rocksdb", 2);
    configuration.put("execution.checkpointing.interval", "100 ms");
    configuration.put("execution.checkpointing.incremental", "true");
    configuration.put("restart-strategy.type", "fixed-delay");
    configuration.put("restart-strategy.fixed-delay.attempts", "1");
    configuration.put("restart-strategy.fixed-delay.delay", "10 ms");
    new SqlSession(configuration, Obstacle.FAILURE)
        .start("SELECT * FROM " + LEARNED)
        .getJobExecutionResult()
        .get(60, TimeUnit.SECONDS);

    assertTrue(SqlSession.hasFailed());
    Map<String, List<String>> expected = DirectRun.outputs(SAME_SETTINGS);
    Map<String, List<String>> actual = new TreeMap<>();
    SqlSession.bySensor(SqlSession.results())
        // what came after the checkpoint comes again, the same
        .forEach((sensor, rows) -> actual.put(sensor, List.copyOf(new LinkedHashSet<>(rows))));
    assertEquals(expected, actual);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "window_length => 1 | LEARN_DICTIONARY: window_length: got 1, expected a whole number from"
            + " 2 to 32768",
        "error_bound => 0.0 | LEARN_DICTIONARY: error_bound: got 0.0, expected numbers from 1.0E-30"
            + " to 1.0E30",
        "error_bounds => '0.1, x' | LEARN_DICTIONARY: error_bounds: got '0.1, x', expected numbers"
            + " with commas between them",
        "error_bounds => '1, 2, 3' | LEARN_DICTIONARY: error_bound: got 3 numbers, expected one for"
            + " all channels or 2, one for each",
        "coder_name => 'fast' | LEARN_DICTIONARY: coder_name: got fast, expected one of omp, lasso,"
            + " hard-threshold",
        "coder_lambda => 0.1 | LEARN_DICTIONARY: coder_lambda: got an unknown key, expected one of"
            + " [absolute-error, maximum-atoms, name, relative-error]",
        "channels => 3 | LEARN_DICTIONARY: channels: got 3, expected none, or 2, the columns of a"
            + " reading",
        "window_length => 8 + 8 | LEARN_DICTIONARY: window_length: got an expression, expected a"
            + " literal INT",
      })
  void aWrongArgumentIsRefusedInOneLineBeforeTheJobStarts(String argument, String message) {
    SqlSession session = new SqlSession();
    Throwable refusal =
        assertThrows(
            Exception.class,
            () ->
                session.rows(
                    "SELECT * FROM LEARN_DICTIONARY(input => TABLE readings PARTITION BY sensor,"
                        + " reading => DESCRIPTOR(celsius, humidity),"
                        + " on_time => DESCRIPTOR(event_time), "
                        + argument
                        + ")"));

    assertEquals(message, rootCause(refusal).getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "PARTITION BY celsius | celsius | LEARN_DICTIONARY: PARTITION BY: got a column of type"
            + " FLOAT, expected the one column that names the sensor, STRING or an integer",
        "PARTITION BY (sensor, celsius) | celsius | LEARN_DICTIONARY: PARTITION BY: got 2 columns,"
            + " expected the one column that names the sensor, STRING or an integer",
        "PARTITION BY sensor | event_time | LEARN_DICTIONARY: reading: got column event_time of"
            + " type TIMESTAMP_LTZ(3) *ROWTIME*, expected numeric columns, one for each channel, or"
            + " one ARRAY of FLOAT or DOUBLE, or one BYTES column of framed SensorReading records",
        "PARTITION BY sensor | pressure | LEARN_DICTIONARY: reading: got column pressure, expected"
            + " some of [sensor, event_time, celsius, humidity]",
      })
  void aWrongColumnIsRefusedInOneLineBeforeTheJobStarts(
      String partition, String column, String message) {
    SqlSession session = new SqlSession();
    Throwable refusal =
        assertThrows(
            Exception.class,
            () ->
                session.rows(
                    "SELECT * FROM LEARN_DICTIONARY(input => TABLE readings "
                        + partition
                        + ", reading => DESCRIPTOR("
                        + column
                        + "), on_time => DESCRIPTOR(event_time))"));

    assertEquals(message, rootCause(refusal).getMessage());
  }

  private Map<String, String> configuration(String backend, int parallelism) {
    Map<String, String> configuration = new HashMap<>();
    configuration.put("state.backend.type", backend);
    configuration.put("parallelism.default", Integer.toString(parallelism));
    configuration.put("taskmanager.numberOfTaskSlots", "4");
    configuration.put("pipeline.max-parallelism", "16");
    configuration.put("execution.checkpointing.dir", directory.toUri().toString());
    // entries of a state belong together: expiry must not take some of them
    configuration.put("table.exec.state.ttl", "1 ms");
    return configuration;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "waited for a minute");
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  private static Throwable rootCause(Throwable error) {
    Throwable cause = error;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  private static float[] floats(Object array) {
    float[] floats = new float[java.lang.reflect.Array.getLength(array)];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = ((Number) java.lang.reflect.Array.get(array, i)).floatValue();
    }
    return floats;
  }

  private static List<Float> boxed(float[] values) {
    List<Float> boxed = new ArrayList<>();
    for (float value : values) {
      boxed.add(value);
    }
    return boxed;
  }
}
