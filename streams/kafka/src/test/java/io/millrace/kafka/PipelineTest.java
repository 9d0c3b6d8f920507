package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.kafka.PipelineDriver.Output;
import io.millrace.kafka.Readings.Reading;
import io.millrace.operator.Models;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.VersionCause;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PipelineTest {
  private static final String OWN =
      "{name: p, window: {length: 16, hop: 8}, atoms: 24, error-bound: 0.05,"
          + " rounds: {first-windows: 4, batch-windows: 2},"
          + " detection: {history-windows: 16, warm-up-windows: 4, threshold: 1.1}}";
  private static final String SHARED = OWN.replace("atoms", "shared-dictionary: shapes, atoms");
  private static final String IDLE = OWN.replace("hop: 8", "hop: 8, idle-flush-millis: 300");

  private final SingleObject<SparseCode> codes = SingleObject.of(SparseCode.class);
  private final SingleObject<DictionaryVersion> versions = SingleObject.of(DictionaryVersion.class);

  @Test
  void turnsReadingsIntoCodesDictionariesAndAnomalies() {
    try (PipelineDriver driver = new PipelineDriver(OWN, Models.NONE)) {
      List<Reading> readings = Readings.of(2, 400, 0, 1);
      run(driver, readings, Integer.MAX_VALUE);
      // windows end at steps 16, 24, ... 400
      assertEquals(2 * 49, driver.outputs("codes").size());
      assertEquals(Set.of("sensor-0", "sensor-1"), keys(driver.outputs("codes")));
      for (Output output : driver.outputs("codes")) {
        SparseCode code = codes.decode(output.value().get());
        assertEquals(output.timeMillis() * 1000, code.getStartMicros() + code.getSpanMicros());
        assertEquals(16, code.getLength());
      }
      Set<String> published = keys(driver.outputs("dictionaries"));
      assertTrue(published.contains("sensor-0@0000000000000000#000000"), published.toString());
      assertTrue(published.contains("sensor-1@0000000000000003#000000"), published.toString());
      assertTrue(driver.outputs("anomalies").size() > 0);
      assertEquals(0, driver.outputs("dead-letters").size());
      // every code names a version that was published before it
      Set<String> known = new TreeSet<>();
      for (Output output : driver.outputs) {
        if (output.topic().equals(driver.topic("dictionaries"))) {
          DictionaryVersion version = versions.decode(output.value().get());
          known.add(version.getDictionary() + version.getVersion());
        }
      }
      for (Output output : driver.outputs("codes")) {
        SparseCode code = codes.decode(output.value().get());
        assertTrue(known.contains(output.key() + code.getDictionaryVersion()));
      }
      assertEquals(readings.size(), driver.counter("millrace.records.in", "stage", "sensors"));
      assertEquals(98, driver.counter("millrace.records.out", "channel", "codes"));
      assertEquals(2, driver.gauge("millrace.keys"));
      assertTrue(driver.gauge("millrace.state.bytes") > 2 * 24 * 24 * 4);
      assertTrue(driver.counter("millrace.state.written") > 0);
    }
  }

  @ParameterizedTest(name = "restart after every {0} of {1} steps")
  @CsvSource({"1, 60", "2, 150", "7, 300", "50, 400"})
  void continuesByteForByteAfterARestartFromTheChangelog(int every, int steps) {
    List<Reading> readings = Readings.of(2, steps, 1_700_000_000_000L, 2);
    equalsTheUninterruptedRun(OWN, readings, every);
  }

  @ParameterizedTest(name = "restart after every {0} of {1} steps")
  @CsvSource({"1, 60", "13, 200"})
  void firesIdleDeadlinesOfOtherSensorsInEventTimeThroughRestarts(int every, int steps) {
    List<Reading> readings = new java.util.ArrayList<>(Readings.of(2, 13, 0, 3));
    // the second sensor goes silent in the middle of a window and comes back later
    Readings.of(1, steps, 130, 4).forEach(readings::add);
    readings.add(Readings.reading("sensor-1", 130 + steps * 10L, 1f));
    List<Output> outputs = equalsTheUninterruptedRun(IDLE, readings, every);
    List<Output> second = outputs.stream().filter(o -> "sensor-1".equals(o.key())).toList();
    SparseCode flushed = codes.decode(second.get(0).value().get());
    assertEquals(0, flushed.getStartMicros());
    assertEquals(120_000, flushed.getSpanMicros());
    // last reading at 120 ms, idle for 300 ms: fired by the first record at or after 420 ms
    assertEquals(420, second.get(0).timeMillis());
    assertEquals(List.of(13, 3), flushed.getMissing());
  }

  @Test
  void doesNotLetARefusedRecordMoveTimeForward() {
    try (PipelineDriver driver = new PipelineDriver(IDLE, Models.NONE)) {
      Readings.of(2, 5, 0, 3).forEach(r -> driver.pipe(r.key(), r.value(), r.timeMillis()));
      long later = 50_000;
      driver.pipe("sensor-9".getBytes(), Readings.bytes(later * 1000, Float.NaN), later);
      assertEquals(1, driver.outputs.size());
      driver.pipe("sensor-9".getBytes(), Readings.bytes(later * 1000, 1f), later);
      assertEquals(2, driver.outputs("codes").size());
    }
  }

  @Test
  void limitsHowFarARecordMovesTimePastItsOwnTimestamp() {
    try (PipelineDriver driver = new PipelineDriver(IDLE, Models.NONE)) {
      long start = 1_700_000_000_000L;
      long days = 24 * 60 * 60 * 1000L;
      Readings.of(1, 5, start + 3 * days, 3).forEach(r -> driver.pipe(r.key(), r.value(), start));
      // a clock that runs a century ahead
      driver.pipe("sensor-9".getBytes(), Readings.bytes((start + 36_500 * days) * 1000, 1f), start);
      assertEquals(0, driver.outputs("codes").size());
    }
  }

  @ParameterizedTest(name = "heap budget of {0} bytes")
  @ValueSource(longs = {1, 20_000})
  void givesTheSameOutputsWhenStatesLeaveTheHeap(long budget) {
    List<Reading> readings = Readings.of(5, 120, 0, 5);
    List<Output> expected = uninterrupted(OWN, readings);
    for (boolean rocksDb : new boolean[] {false, true}) {
      try (PipelineDriver driver = new PipelineDriver(OWN, Models.NONE, budget, rocksDb)) {
        run(driver, readings, Integer.MAX_VALUE);
        assertEquals(expected, driver.outputs);
        assertEquals(5, driver.gauge("millrace.keys"));
        assertTrue(driver.gauge("millrace.state.bytes") < 30_000);
      }
    }
  }

  @Test
  void learnsOneDictionaryForAllSensorsThroughTheMergeStage() {
    FollowedOutput models = new FollowedOutput("shapes");
    try (PipelineDriver driver = new PipelineDriver(SHARED, models)) {
      run(driver, Readings.of(3, 400, 0, 6), models, Integer.MAX_VALUE);
      Set<Long> used = new TreeSet<>();
      for (Output output : driver.outputs("codes")) {
        SparseCode code = codes.decode(output.value().get());
        assertEquals("shapes", code.getDictionary());
        used.add(code.getDictionaryVersion());
      }
      assertTrue(used.contains(0L) && used.size() > 3, "versions used: " + used);
      List<DictionaryVersion> published =
          driver.outputs("dictionaries").stream()
              .map(output -> versions.decode(output.value().get()))
              .toList();
      for (int i = 0; i < published.size(); i++) {
        assertEquals("shapes", published.get(i).getDictionary());
        assertEquals(i, published.get(i).getVersion());
        assertEquals(
            i == 0 ? VersionCause.INITIAL : VersionCause.ROUND, published.get(i).getCause());
      }
      assertEquals(Set.of("shapes"), keys(driver.outputs("statistics")));
      assertEquals(4, driver.gauge("millrace.keys"), "three sensors and one dictionary");
      assertEquals(0, driver.outputs("dead-letters").size());
      assertTrue(driver.counter("millrace.records.in", "stage", "merge") > 3);
    }
  }

  @ParameterizedTest(name = "restart after every {0} of {1} steps")
  @CsvSource({"1, 60", "11, 250"})
  void continuesASharedDictionaryByteForByteAfterARestart(int every, int steps) {
    equalsTheUninterruptedRun(SHARED, Readings.of(3, steps, 0, 7), every);
  }

  @Test
  void writesFewAndSmallChangelogRecordsPerCommit() {
    // 96 KiB of statistics, 24 KiB of dictionary; chunks of 4 KiB
    String large = "{name: p, window: {length: 32}, atoms: 128, rounds: {batch-windows: 16}}";
    try (PipelineDriver driver = new PipelineDriver(large, Models.NONE)) {
      List<Reading> readings = Readings.of(1, 32 * 40, 0, 8);
      driver.pipe(readings.get(0).key(), readings.get(0).value(), 0);
      int whole = driver.takeChangelogRecords();
      assertTrue(whole > 20 && whole < 60, "records of a new state: " + whole);
      int quiet = 0;
      int total = 0;
      for (Reading reading : readings.subList(1, readings.size())) {
        driver.pipe(reading.key(), reading.value(), reading.timeMillis());
        int records = driver.takeChangelogRecords();
        total += records;
        if (records <= 3) {
          quiet++;
        }
      }
      // a reading moves the window (first chunk), stream time and, between windows, nothing else
      assertTrue(quiet > readings.size() * 0.94, "quiet commits: " + quiet);
      assertTrue(total < readings.size() * 4, "changelog records: " + total);
    }
  }

  private List<Output> equalsTheUninterruptedRun(
      String pipeline, List<Reading> readings, int every) {
    FollowedOutput models = new FollowedOutput("shapes");
    List<Output> expected;
    Map<String, List<String>> expectedState;
    try (PipelineDriver driver = new PipelineDriver(pipeline, models)) {
      run(driver, readings, models, Integer.MAX_VALUE);
      expected = driver.outputs;
      expectedState = driver.state();
    }
    FollowedOutput again = new FollowedOutput("shapes");
    try (PipelineDriver driver = new PipelineDriver(pipeline, again)) {
      run(driver, readings, again, every);
      assertEquals(expected.size(), driver.outputs.size());
      for (int i = 0; i < expected.size(); i++) {
        assertEquals(expected.get(i), driver.outputs.get(i), "output " + i);
      }
      assertEquals(expectedState, driver.state());
    }
    assertTrue(expected.size() > 5);
    return expected;
  }

  private static List<Output> uninterrupted(String pipeline, List<Reading> readings) {
    try (PipelineDriver driver = new PipelineDriver(pipeline, Models.NONE)) {
      run(driver, readings, Integer.MAX_VALUE);
      return driver.outputs;
    }
  }

  private static void run(PipelineDriver driver, List<Reading> readings, int restartEvery) {
    run(driver, readings, new FollowedOutput("shapes"), restartEvery);
  }

  private static void run(
      PipelineDriver driver, List<Reading> readings, FollowedOutput models, int restartEvery) {
    int count = 0;
    for (Reading reading : readings) {
      driver.pipe(reading.key(), reading.value(), reading.timeMillis());
      models.follow(driver);
      if (++count % restartEvery == 0) {
        driver.restart();
      }
    }
  }

  private static Set<String> keys(List<Output> outputs) {
    return outputs.stream().map(Output::key).collect(Collectors.toCollection(TreeSet::new));
  }
}
