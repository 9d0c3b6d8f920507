package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.dashboard.DashboardSnapshot.DictionaryView;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.dashboard.DashboardSnapshot.SensorView;
import io.millrace.app.dashboard.PipelineFeed.Role;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SparseCode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PipelineFeedTest {
  private static final float[][] ONE_ATOM = {{0.5f, -0.5f, 0.5f, -0.5f}};

  private final FeedRecords records = new FeedRecords();

  private void readings(String sensor, int from, int to) {
    for (int step = from; step < to; step++) {
      records.reading(sensor, step, step);
    }
  }

  @Test
  void laysTheReconstructionOverTheReadingsItCodes() {
    records.slice(FeedRecords.slice("a", 3, 1, 0, ONE_ATOM));
    readings("a", 0, 6);
    records.code("a", FeedRecords.code(1, 4, 3));
    SensorView sensor = records.tick().sensors().get(0);
    assertArrayEquals(new double[] {0, 1, 2, 3, 4, 5}, sensor.times());
    assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, sensor.signal()[0]);
    assertArrayEquals(new float[] {Float.NaN, 11, 9, 11, 9, Float.NaN}, sensor.reconstruction()[0]);
    assertEquals("a", sensor.dictionary());
    assertArrayEquals(new float[] {1.5f}, sensor.scores());
  }

  @Test
  void restoresAWindowWhoseReadingsAndDictionaryComeAfterIt() {
    records.code("a", FeedRecords.code(1, 4, 3));
    records.tick();
    readings("a", 0, 6);
    assertTrue(Float.isNaN(records.tick().sensors().get(0).reconstruction()[0][2]));
    records.slice(FeedRecords.slice("a", 3, 1, 0, ONE_ATOM));
    assertEquals(9f, records.tick().sensors().get(0).reconstruction()[0][2]);
  }

  @Test
  void showsAsFarAsTheCodesGoAndOneWindowMore() {
    records.slice(FeedRecords.slice("a", 3, 1, 0, ONE_ATOM));
    readings("a", 0, 10_000);
    records.code("a", FeedRecords.code(6_000, 4, 3));
    SensorView sensor = records.tick().sensors().get(0);
    assertEquals(4096, sensor.times().length);
    assertEquals(6_007, sensor.times()[4095]);
    assertEquals(9f, sensor.reconstruction()[0][4091]);
    assertTrue(Float.isNaN(sensor.reconstruction()[0][4092]));
  }

  @Test
  void addsCorrectionsAndReadsRawWindows() {
    records.slice(FeedRecords.slice("a", 3, 1, 0, ONE_ATOM));
    readings("a", 0, 8);
    SparseCode corrected = FeedRecords.code(0, 4, 3);
    corrected.setErrorBound(List.of(0.5f));
    corrected.setExceptions(List.of(2, 3, 2, -1));
    records.code("a", corrected);
    SparseCode raw = FeedRecords.code(4, 4, 3);
    raw.setAtoms(List.of());
    raw.setCoefficients(List.of());
    raw.setRaw(FeedRecords.slice("a", 0, 1, 0, new float[][] {{1, 2, 3, 4}}).getAtoms().getBytes());
    records.code("a", raw);
    float unit = 2 * 0.5f * 127 / 128;
    assertArrayEquals(
        new float[] {11, 9 + 3 * unit, 11, 9 - unit, 1, 2, 3, 4},
        records.tick().sensors().get(0).reconstruction()[0]);
  }

  @Test
  void putsAVersionTogetherFromItsSlicesInAnyOrder() {
    float[][] pair = {{1, 0, 0, 0}, {0, 1, 0, 0}};
    records.slice(FeedRecords.slice("a", 1, 4, 2, pair));
    assertEquals(List.of(), records.tick().dictionaries());
    records.slice(FeedRecords.slice("a", 1, 4, 0, pair));
    DictionaryView dictionary = records.tick().dictionaries().get(0);
    assertEquals(4, dictionary.atomCount());
    assertEquals(
        List.of(3, 2, 1, 0), dictionary.atoms().stream().map(atom -> atom.index()).toList());
    assertEquals(3, dictionary.atomsInUse());
    assertEquals(1, dictionary.versions().size());
  }

  @Test
  void listsVersionsOnceEachWithTheirCause() {
    for (int version = 0; version < 300; version++) {
      records.slice(FeedRecords.slice("a", version, 1, 0, ONE_ATOM));
      records.slice(FeedRecords.slice("a", version, 1, 0, ONE_ATOM));
    }
    PipelineView view = records.tick();
    assertEquals(300, view.modelVersions());
    DictionaryView dictionary = view.dictionaries().get(0);
    assertEquals(299, dictionary.version());
    assertEquals(200, dictionary.versions().size());
    assertEquals("ROUND", dictionary.versions().get(199).cause());
    assertEquals(29_900, dictionary.versions().get(199).windows());
  }

  @Test
  void showsAtMostSixtyFourAtoms() {
    float[][] atoms = new float[200][16];
    records.slice(FeedRecords.slice("a", 0, 200, 0, atoms));
    assertEquals(64, records.tick().dictionaries().get(0).atoms().size());
  }

  @Test
  void ignoresSlicesThatDoNotFitTheirOwnDimensions() {
    DictionaryVersion huge = FeedRecords.slice("a", 0, 1, 0, ONE_ATOM);
    huge.setAtomCount(Integer.MAX_VALUE);
    records.slice(huge);
    DictionaryVersion wide = FeedRecords.slice("a", 0, 1, 0, ONE_ATOM);
    wide.setLength(Integer.MAX_VALUE);
    wide.setChannels(Integer.MAX_VALUE);
    records.slice(wide);
    DictionaryVersion beyond = FeedRecords.slice("a", 0, 1, 0, ONE_ATOM);
    beyond.setFirstAtom(Integer.MAX_VALUE);
    records.slice(beyond);
    DictionaryVersion negative = FeedRecords.slice("a", 0, 1, 0, ONE_ATOM);
    negative.setFirstAtom(-1);
    records.slice(negative);
    DictionaryVersion unused = FeedRecords.slice("a", 0, 1, 0, ONE_ATOM);
    unused.setUsage(List.of());
    records.slice(unused);
    assertEquals(List.of(), records.tick().dictionaries());
  }

  @Test
  void keepsAtMostSixtyFourDictionaries() {
    for (int id = 0; id < 500; id++) {
      records.slice(FeedRecords.slice("d" + id, 0, 1, 0, ONE_ATOM));
    }
    PipelineView view = records.tick();
    assertEquals(64, view.dictionaries().size());
    assertEquals(500, view.modelVersions());
  }

  @Test
  void keepsTheFirstTwelveSensorsWhileTheyAreHeardOf() {
    for (int sensor = 0; sensor < 10_000; sensor++) {
      records.reading("s" + sensor, 1, 1);
    }
    assertEquals(12, records.tick().sensors().size());
    records.advanceMillis(31_000);
    records.reading("s0", 2, 1);
    records.reading("new", 2, 1);
    List<String> shown =
        records.tick().sensors().stream().map(DashboardSnapshot.SensorView::sensor).toList();
    assertEquals(12, shown.size());
    assertTrue(shown.contains("s0") && shown.contains("new"), shown.toString());
  }

  @Test
  void keepsABoundedStretchOfEachSensor() {
    readings("a", 0, 10_000);
    SensorView sensor = records.tick().sensors().get(0);
    assertEquals(4096, sensor.times().length);
    assertEquals(9_999, sensor.times()[4095]);
    for (int i = 0; i < 1_000; i++) {
      records.code("a", FeedRecords.code(5_904 + 4 * i, 4, 9));
      records.anomaly("a", FeedRecords.anomaly(5_904 + 4 * i, 4));
    }
    PipelineView view = records.tick();
    assertEquals(1_000, view.alarms());
    assertEquals(200, view.sensors().get(0).anomalies().size());
    assertEquals(512, view.sensors().get(0).scores().length);
  }

  @Test
  void ignoresSensorsWithTooManyChannels() {
    records.accept(
        Role.READINGS,
        "wide",
        FeedRecords.readingBytes(1, new float[SensorTrace.MAX_CHANNELS + 1]));
    records.accept(Role.READINGS, "none", FeedRecords.readingBytes(1));
    assertEquals(List.of(), records.tick().sensors());
  }

  @Test
  void ignoresLateReadingsButFollowsASensorThatStartsAnew() {
    readings("a", 100, 110);
    readings("a", 50, 60);
    assertEquals(10, records.tick().sensors().get(0).times().length);
    readings("a", 0, 100);
    SensorView sensor = records.tick().sensors().get(0);
    assertEquals(99, sensor.times()[sensor.times().length - 1]);
  }

  @Test
  void takesNoHarmFromBytesThatAreNoRecord() {
    long seed = 42;
    Random random = new Random(seed);
    List<byte[]> good =
        List.of(
            FeedRecords.readingBytes(1, 1),
            FeedRecords.bytes(SparseCode.class, FeedRecords.code(0, 4, 0)),
            FeedRecords.bytes(DictionaryVersion.class, FeedRecords.slice("a", 0, 1, 0, ONE_ATOM)));
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = good.get(random.nextInt(good.size())).clone();
      int flips = 1 + random.nextInt(4);
      for (int flip = 0; flip < flips; flip++) {
        damaged[10 + random.nextInt(damaged.length - 10)] ^= (byte) (1 << random.nextInt(8));
      }
      byte[] cut = Arrays.copyOf(damaged, 1 + random.nextInt(damaged.length));
      Role role = Role.values()[random.nextInt(Role.values().length)];
      records.accept(role, "a", random.nextBoolean() ? damaged : cut);
      if (i % 100 == 0) {
        records.tick();
      }
    }
    records.accept(Role.READINGS, "a", null);
    records.accept(Role.READINGS, "a", new byte[0]);
    records.accept(Role.READINGS, "x".repeat(100_000), FeedRecords.readingBytes(1, 1));
    PipelineView view = records.tick();
    assertTrue(view.sensors().size() <= SensorTraces.MAX_SENSORS, "seed " + seed);
  }

  @Test
  void countsOverlappingWindowsOnce() {
    int bytes = FeedRecords.bytes(SparseCode.class, FeedRecords.code(1_000, 64, 0)).length;
    for (int window = 0; window < 50; window++) {
      records.code("half", FeedRecords.code(1_000 + 32 * window, 64, 0));
    }
    assertEquals(4.0 * 32 / bytes, records.tick().compressionRatio(), 0.1);
  }

  @Test
  void reportsErrorAndSparsityOfTheLastWindows() {
    SparseCode exact = FeedRecords.code(0, 4, 0);
    exact.setResidual(0f);
    exact.setAtoms(List.of(0, 1, 1));
    exact.setCoefficients(List.of(1, 1, 1));
    records.code("a", exact);
    records.code("a", FeedRecords.code(4, 4, 0));
    PipelineView view = records.tick();
    assertEquals(0.25, view.relativeError(), 1e-9);
    assertEquals(2.0, view.atomsPerWindow());
    assertEquals(0.25f, view.history().relativeError()[0]);
  }

  @Test
  void showsTheNewestDeadLettersAsPlainShortText() {
    for (int i = 0; i < 200; i++) {
      records.deadLetter("LATE", "got \u001b[31m\u202e" + "x".repeat(1_000), i);
    }
    PipelineView view = records.tick();
    assertEquals(50, view.recentDeadLetters().size());
    assertEquals(199, view.recentDeadLetters().get(0).offset());
    assertEquals(301, view.recentDeadLetters().get(0).message().length());
    assertTrue(view.recentDeadLetters().get(0).message().startsWith("got \uFFFD[31m\uFFFDx"));
    assertEquals("k\uFFFD", view.recentDeadLetters().get(0).key());
    assertEquals(Map.of("LATE", 200L), view.deadLetterReasons());
    assertEquals(200, view.deadLetters());
  }

  @Test
  void boundsTheNumberOfReasons() {
    IntStream.range(0, 1_000).forEach(i -> records.deadLetter("REASON_" + i, "", i));
    assertEquals(32, records.tick().deadLetterReasons().size());
  }

  @Test
  void trustsTheEnginesCountsOfDeadLetters() {
    records.deadLetter("LATE", "seen by chance", 1);
    PipelineView view =
        records.tick(
            new PipelineCounters.Counts(
                10, 5, 3, 2_000, 4, 6, Optional.empty(), Map.of("LATE", 8L, "EMPTY", 1L)));
    assertEquals(9, view.deadLetters());
    assertEquals(10, view.recordsIn());
    assertEquals(5, view.recordsOut());
    assertEquals(3, view.lag());
    assertEquals(2_000, view.stateBytes());
    assertEquals(4, view.keys());
    assertEquals(6, view.restarts());
  }

  @Test
  void measuresTheRateOverTheLastSeconds() {
    for (int i = 0; i < 20; i++) {
      records.tick(FeedRecords.counts(i * 500L));
      records.advanceMillis(500);
    }
    assertEquals(1_000, records.tick(FeedRecords.counts(20 * 500)).recordsPerSecond(), 1e-9);
    records.advanceMillis(500);
    assertEquals(0, records.tick(FeedRecords.counts(3)).recordsPerSecond());
  }

  @Test
  void keepsTheWholeRunInABoundedHistory() {
    for (int i = 0; i < 5_000; i++) {
      records.tick(FeedRecords.counts(0));
      records.advanceMillis(500);
    }
    DashboardSnapshot.HistoryView history = records.tick().history();
    assertTrue(history.times().length <= 360, "got " + history.times().length);
    assertTrue(history.times().length >= 180, "got " + history.times().length);
    assertTrue(history.times()[0] < 20_000, "got " + history.times()[0]);
    assertTrue(history.times()[history.times().length - 1] > 2_480_000);
    assertEquals(7f, history.lag()[100]);
  }
}
