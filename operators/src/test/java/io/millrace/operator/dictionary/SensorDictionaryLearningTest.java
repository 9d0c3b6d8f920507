package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import io.millrace.schema.VersionCause;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SensorDictionaryLearningTest {
  private final Outputs out = new Outputs();
  private SensorDictionaryLearning operator;
  private SensorState state;

  private void start(SensorSettings settings) {
    operator =
        new SensorDictionaryLearning(
            settings.build(),
            new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3)),
            new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT));
    state = operator.createState("pump");
  }

  private void accept(SensorReading reading) {
    operator.accept(state, reading, operator.eventTimeMillis(reading), Models.NONE, out);
  }

  private void accept(long micros, float... values) {
    accept(Readings.of(micros, values));
  }

  /** Readings at from, from + step, .. with values that do not repeat. */
  private void accept(long from, long step, int count) {
    for (int i = 0; i < count; i++) {
      long micros = from + i * step;
      accept(micros, (float) Math.sin(micros * 0.37) + (micros % 7));
    }
  }

  private static List<Long> starts(Outputs outputs) {
    return outputs.codes.stream().map(SparseCode::getStartMicros).toList();
  }

  private static List<Long> spans(Outputs outputs) {
    return outputs.codes.stream().map(SparseCode::getSpanMicros).toList();
  }

  // windows

  @Test
  void aWindowStartsAtItsFirstReadingAndSpansToItsLast() {
    start(new SensorSettings());
    accept(100, 10, 7);
    assertTrue(out.codes.isEmpty());
    assertEquals(7, state.readingsSinceLastWindow());
    accept(170, 10, 1);
    assertEquals(List.of(100L), starts(out));
    assertEquals(List.of(70L), spans(out));
    assertEquals(8, out.code().getLength());
    assertEquals(0, state.readingsSinceLastWindow());
    accept(180, 10, 16);
    assertEquals(List.of(100L, 180L, 260L), starts(out));
    assertEquals(List.of(70L, 70L, 70L), spans(out));
  }

  @Test
  void windowsThatOverlapStartOneHopApart() {
    start(new SensorSettings().windows(8, 3));
    accept(0, 10, 17);
    assertEquals(List.of(0L, 30L, 60L, 90L), starts(out));
    assertEquals(List.of(70L, 70L, 70L, 70L), spans(out));
  }

  @Test
  void aShortGapIsFilledWithMissingStepsSoThatWindowsSpanAConstantTime() {
    start(new SensorSettings().gaps(10, 0, 0));
    accept(100, 10, 3); // 100 110 120
    accept(150, 10, 3); // 130 and 140 absent; 150 160 170
    assertEquals(List.of(100L), starts(out));
    assertEquals(List.of(70L), spans(out));
    assertEquals(List.of(3, 2), out.code().getMissing());
  }

  @Test
  void readingsThatJitterByLessThanHalfAnIntervalLeaveNoGap() {
    start(new SensorSettings().gaps(10, 0, 0));
    for (long micros : new long[] {0, 14, 16, 30, 44, 46, 60, 70}) {
      accept(micros, 1f + micros);
    }
    assertEquals(List.of(0L), starts(out));
    assertEquals(List.of(), out.code().getMissing());
  }

  @Test
  void aGapAcrossAWindowsEndLeavesMissingStepsInBoth() {
    start(new SensorSettings().gaps(10, 0, 0));
    accept(0, 10, 6); // 0 .. 50
    accept(100, 10, 6); // 60 .. 90 absent; 100 .. 150
    assertEquals(List.of(0L, 80L), starts(out));
    assertEquals(List.of(70L, 70L), spans(out));
    assertEquals(List.of(6, 2), out.codes.get(0).getMissing());
    assertEquals(List.of(0, 2), out.codes.get(1).getMissing());
  }

  @Test
  void aGapOfAWholeWindowEndsTheWindowAndStartsANewOne() {
    start(new SensorSettings().gaps(10, 0, 0));
    accept(0, 10, 3);
    accept(200, 10, 8);
    assertEquals(List.of(0L, 200L), starts(out));
    assertEquals(List.of(20L, 70L), spans(out));
    assertEquals(List.of(3, 5), out.codes.get(0).getMissing());
    assertEquals(List.of(), out.codes.get(1).getMissing());
  }

  @Test
  void aSilenceLongerThanTheMaximumEndsTheWindow() {
    start(new SensorSettings().gaps(0, 25, 0));
    accept(0, 10, 3);
    accept(45, 10, 1); // 25 after 20: not longer
    assertTrue(out.codes.isEmpty());
    accept(71, 10, 8);
    assertEquals(List.of(0L, 71L), starts(out));
    assertEquals(List.of(45L, 70L), spans(out));
    assertEquals(List.of(4, 4), out.codes.get(0).getMissing());
  }

  @Test
  void anUnfinishedWindowThatOverlapsKeepsItsHop() {
    start(new SensorSettings().windows(8, 3).gaps(0, 25, 0));
    accept(0, 10, 9); // window of 0 .. 70, then 80
    accept(200, 10, 1);
    assertEquals(List.of(0L, 30L), starts(out));
    assertEquals(List.of(70L, 50L), spans(out));
    assertEquals(List.of(6, 2), out.codes.get(1).getMissing());
  }

  @Test
  void anIdleWindowIsCodedAtItsDeadlineAsItIs() {
    start(new SensorSettings().gaps(0, 0, 5));
    assertEquals(OptionalLong.empty(), operator.nextDeadlineMillis(state));
    accept(1_000_000, 1000, 10); // a window of 8, then 2 readings, the last at 1009 ms
    assertEquals(OptionalLong.of(1014), operator.nextDeadlineMillis(state));
    operator.onDeadline(state, 1014, Models.NONE, out);
    assertEquals(List.of(1_000_000L, 1_008_000L), starts(out));
    assertEquals(List.of(7000L, 1000L), spans(out));
    assertEquals(List.of(2, 6), out.code().getMissing());
    assertEquals(OptionalLong.empty(), operator.nextDeadlineMillis(state));
    accept(1_030_000, 1000, 8);
    assertEquals(1_030_000L, out.code().getStartMicros());
    assertEquals(List.of(), out.code().getMissing());
  }

  @Test
  void aWindowWithoutAnyValueIsNotCoded() {
    start(new SensorSettings());
    for (int i = 0; i < 8; i++) {
      accept(i, Float.NaN);
    }
    assertEquals(0, out.all.size() - out.versions.size());
    accept(8, 10, 8);
    assertEquals(List.of(8L), starts(out));
  }

  @Test
  void meanAndScaleAreThoseOfTheChannelsValues() {
    start(new SensorSettings().channels(2));
    for (int i = 0; i < 8; i++) {
      accept(i, 5f + (i % 2 == 0 ? 3 : -3), i < 4 ? Float.NaN : 7f);
    }
    assertEquals(List.of(5f, 7f), out.code().getMean());
    assertEquals(List.of(3f, 1f), out.code().getScale());
    assertEquals(List.of(8, 4), out.code().getMissing());
  }

  @Test
  void aChannelThatComesLaterIsScaledByItsOwnFirstWindow() {
    start(new SensorSettings().channels(2));
    for (int i = 0; i < 40; i++) {
      accept(i, i % 3, i < 32 ? Float.NaN : i % 2 == 0 ? 4 : -4);
    }
    assertEquals(4f, out.code().getScale().get(1));
  }

  @Test
  void oneWildReadingDoesNotBlindAChannel() {
    start(new SensorSettings());
    accept(0, 10, 400);
    float before = out.code().getScale().get(0);
    accept(5000, 1e30f);
    accept(5010, 10, 7);
    accept(6000, 10, 80);
    float after = out.code().getScale().get(0);
    assertTrue(after > 0.5 * before && after < 3 * before, before + " became " + after);
  }

  // refusals

  private void assertRefused(Reason reason, String message, SensorReading reading) {
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> accept(reading));
    assertEquals(reason, refusal.reason());
    assertEquals(message, refusal.getMessage());
  }

  @Test
  void refusesReadingsOutOfOrder() {
    start(new SensorSettings());
    accept(50, 1f);
    assertRefused(Reason.DUPLICATE, "time is 50, as of the reading before", Readings.of(50, 1f));
    assertRefused(Reason.LATE, "time is 49, the newest reading is of 50", Readings.of(49, 1f));
    assertEquals(50, state.newestReadingMicros());
    accept(51, 1f);
  }

  @Test
  void refusesImpossibleTimes() {
    start(new SensorSettings());
    String expected = " microseconds, expected 0 to 253402300799999999";
    assertRefused(Reason.BAD_TIME, "time is -1" + expected, Readings.of(-1, 1f));
    assertRefused(
        Reason.BAD_TIME,
        "time is 253402300800000000" + expected,
        Readings.of(253_402_300_800_000_000L, 1f));
    accept(0, 1f);
    accept(253_402_300_799_999_999L, 1f);
  }

  @Test
  void refusesAnotherNumberOfChannels() {
    start(new SensorSettings().channels(2));
    assertRefused(Reason.WRONG_DIMENSION, "reading has 1 values, expected 2", Readings.of(1, 1f));
    assertRefused(
        Reason.WRONG_DIMENSION, "reading has 3 values, expected 2", Readings.of(1, 1f, 2f, 3f));
  }

  @Test
  void refusesValuesThatAreNoNumbersOrTooLarge() {
    start(new SensorSettings().channels(2));
    SensorReading nan = Readings.of(1, 1f, Float.NaN);
    nan.setMissing(List.of());
    assertRefused(Reason.NOT_FINITE, "value 1 is NaN, expected a finite number", nan);
    assertRefused(
        Reason.NOT_FINITE,
        "value 0 is -Infinity, expected a finite number",
        Readings.of(1, Float.NEGATIVE_INFINITY, 1f));
    assertRefused(
        Reason.OUT_OF_RANGE,
        "value 0 is -1.1E30, expected at most 1.0E30",
        Readings.received(Readings.of(1, -1.1e30f, 1f)));
    nan.setMissing(List.of(1));
    accept(Readings.received(nan));
  }

  @Test
  void refusesMissingChannelsThatDoNotExistOrRise() {
    start(new SensorSettings().channels(3));
    for (List<Integer> missing : List.of(List.of(3), List.of(-1), List.of(2, 1), List.of(1, 1))) {
      SensorReading reading = Readings.of(1, 1f, 2f, 3f);
      reading.setMissing(missing);
      int wrong = missing.get(missing.size() - 1);
      assertRefused(
          Reason.MALFORMED,
          "missing channel is " + wrong + ", expected rising numbers below 3",
          reading);
    }
  }

  @Test
  void aStateOfOtherSettingsStopsTheEngineInsteadOfBeingRefused() {
    start(new SensorSettings());
    SensorState kept = state;
    for (SensorSettings other :
        List.of(
            new SensorSettings().channels(2),
            new SensorSettings().windows(9, 9),
            new SensorSettings().atoms(17),
            new SensorSettings().shared("all"))) {
      start(other);
      state = kept;
      IllegalStateException stop =
          assertThrows(
              IllegalStateException.class, () -> accept(Readings.of(1, new float[channels()])));
      assertTrue(stop.getMessage().contains("1 channels, length 8, 16 atoms"), stop.getMessage());
      assertTrue(stop.getMessage().contains("key=pump"), stop.getMessage());
    }
  }

  private int channels() {
    return operator.createState("other").window.channels();
  }

  // versions and rounds

  @Test
  void versionZeroIsPublishedOnceBeforeTheFirstCode() {
    start(new SensorSettings().rounds(1000, 1000, 4));
    Readings.tones(80, 1, 10, 1).forEach(this::accept);
    assertTrue(out.all.get(0) instanceof DictionaryVersion);
    assertEquals(1, out.versions.size());
    DictionaryVersion initial = out.versions.get(0);
    assertEquals(0, initial.getVersion());
    assertEquals(VersionCause.INITIAL, initial.getCause());
    assertEquals("pump", initial.getDictionary());
    assertEquals("odl", initial.getLearner());
    assertEquals(16, initial.getAtomCount());
    assertEquals(0, initial.getTimeMicros());
    assertEquals(16, initial.getUsage().size());
  }

  @Test
  void roundsAreShortAtFirstAndThenAnEighthOfWhatWasLearned() {
    start(new SensorSettings().rounds(4, 12, 2).undetected());
    Readings.tones(8 * 240, 1, 1000, 1).forEach(this::accept);
    List<Long> windows = out.versions.stream().map(DictionaryVersion::getWindows).toList();
    // 4 until 32 are learned, then an eighth rounded up to batches of 2, then at most 12
    assertEquals(
        List.of(
            0L, 4L, 8L, 12L, 16L, 20L, 24L, 28L, 32L, 36L, 42L, 48L, 54L, 62L, 70L, 80L, 92L, 104L,
            116L, 128L, 140L, 152L, 164L, 176L, 188L, 200L, 212L, 224L, 236L),
        windows);
  }

  @Test
  void versionNumbersRiseByOneAndCodesNameTheVersionThatDecodesThem() {
    start(new SensorSettings());
    TreeMap<Long, float[]> atoms = new TreeMap<>();
    SparseCodeReader reader = new SparseCodeReader();
    List<SensorReading> readings = Readings.tones(8 * 100, 1, 1000, 1);
    int seen = 0;
    for (int i = 0; i < readings.size(); i++) {
      accept(readings.get(i));
      for (; seen < out.all.size(); seen++) {
        if (out.all.get(seen) instanceof DictionaryVersion version) {
          assertEquals((long) atoms.size(), version.getVersion());
          DictionaryAssembly assembly = new DictionaryAssembly(version);
          assembly.add(version);
          atoms.put(version.getVersion(), assembly.atoms().orElseThrow().clone());
        } else if (out.all.get(seen) instanceof SparseCode code) {
          // the newest published when it was coded, and its residual shows that it is the one
          assertEquals((long) atoms.lastKey(), code.getDictionaryVersion());
          assertNull(code.getDictionary());
          float[] restored = reader.decode(code, atoms.get(code.getDictionaryVersion()), 16);
          double left = 0;
          for (int step = 0; step < 8; step++) {
            double x = readings.get(i - 7 + step).getValues().get(0);
            left += Math.pow(x - restored[step], 2);
          }
          assertEquals(Math.sqrt(left / 8) / code.getScale().get(0), code.getResidual(), 1e-4);
        }
      }
    }
    assertTrue(atoms.size() > 8, atoms.size() + " versions");
    assertEquals((long) atoms.lastKey(), state.dictionaryVersion());
  }

  @Test
  void publishedUsageIsAShareOfWindows() {
    start(new SensorSettings().undetected());
    Readings.tones(8 * 60, 1, 1000, 1).forEach(this::accept);
    DictionaryVersion version = out.versions.get(out.versions.size() - 1);
    double sum = 0;
    for (float share : version.getUsage()) {
      assertTrue(share >= 0 && share <= 1, "usage " + share);
      sum += share;
    }
    assertEquals(3, sum, 0.2, "three atoms a window");
  }

  // anomalies

  @Test
  void anOutlierIsFlaggedAtItsPlaceAndNotLearnedFrom() {
    start(new SensorSettings().channels(2).gaps(0, 0, 0).rounds(1000, 1000, 4));
    List<SensorReading> readings = Readings.tones(8 * 60, 2, 1000, 1);
    readings.subList(0, 8 * 50).forEach(this::accept);
    long learned = state.windowsLearned() + state.batchCodes.count();
    out.clear();
    int spike = 8 * 50 + 5;
    readings.get(spike).getValues().set(1, 60f);
    readings.subList(8 * 50, 8 * 51).forEach(this::accept);
    assertEquals(1, out.anomalies.size());
    Anomaly outlier = out.anomalies.get(0);
    SparseCode code = out.code();
    assertEquals(AnomalyKind.OUTLIER, outlier.getKind());
    assertEquals(code.getStartMicros(), outlier.getStartMicros());
    assertEquals(code.getSpanMicros(), outlier.getSpanMicros());
    int peak = worst(readings.subList(8 * 50, 8 * 51), code);
    assertEquals(readings.get(8 * 50 + peak % 8).getTimeMicros(), outlier.getPeakMicros());
    assertEquals(peak / 8, outlier.getPeakChannel());
    assertEquals(1, outlier.getPeakChannel());
    assertEquals(code.getAnomalyScore(), outlier.getScore());
    assertEquals(2f, outlier.getThreshold());
    assertTrue(outlier.getScore() > 2, "score " + outlier.getScore());
    assertEquals("", outlier.getReaction());
    assertEquals(learned, state.windowsLearned() + state.batchCodes.count());
    readings.subList(8 * 51, 8 * 52).forEach(this::accept);
    assertEquals(learned + 1, state.windowsLearned() + state.batchCodes.count());
  }

  /** The position that a code with the built-in dictionary restores worst, in scales. */
  private static int worst(List<SensorReading> window, SparseCode code) {
    assertEquals(0, code.getDictionaryVersion());
    float[] restored = new SparseCodeReader().decode(code, Cosines.atoms(16, 2, 8), 16);
    int worst = 0;
    double largest = -1;
    for (int p = 0; p < restored.length; p++) {
      double error = Math.abs(window.get(p % 8).getValues().get(p / 8) - restored[p]);
      error /= code.getScale().get(p / 8);
      if (error > largest) {
        largest = error;
        worst = p;
      }
    }
    return worst;
  }

  @Test
  void nothingIsAnOutlierDuringWarmUp() {
    start(new SensorSettings());
    List<SensorReading> readings = Readings.tones(8 * 17, 1, 1000, 1);
    readings.get(8 * 15 + 3).getValues().set(0, 500f); // the 16th window
    readings.get(8 * 16 + 3).getValues().set(0, 500f); // the 17th, with 16 residuals known
    readings.subList(0, 8 * 16).forEach(this::accept);
    assertTrue(out.anomalies.isEmpty());
    assertEquals(0f, out.code().getAnomalyScore());
    readings.subList(8 * 16, 8 * 17).forEach(this::accept);
    assertTrue(out.code().getAnomalyScore() > 0);
  }

  @Test
  void aDriftAlarmIsEmittedBeforeTheVersionThatAnswersIt() {
    start(
        new SensorSettings()
            .detection(
                new DetectionSettings(0.9, 32, 16, 1e6, new PageHinkley.Settings(0.01, 0.3))));
    List<SensorReading> readings = Readings.tones(8 * 400, 1, 1000, 1);
    readings.subList(0, 8 * 200).forEach(this::accept);
    assertTrue(out.anomalies.isEmpty(), "alarm before any change");
    Random random = new Random(5);
    int at = -1;
    for (int i = 8 * 200; i < readings.size() && at < 0; i++) {
      readings.get(i).getValues().set(0, (float) random.nextGaussian());
      accept(readings.get(i));
      at = out.anomalies.isEmpty() ? -1 : i;
    }
    assertTrue(at > 0 && at < 8 * 240, "alarm at reading " + at);
    int place = out.all.indexOf(out.anomalies.get(0));
    Anomaly alarm = out.anomalies.get(0);
    DictionaryVersion answer = (DictionaryVersion) out.all.get(place + 1);
    assertEquals(AnomalyKind.DRIFT, alarm.getKind());
    assertEquals(0.3f, alarm.getThreshold());
    assertEquals(VersionCause.DRIFT, answer.getCause());
    assertEquals(alarm.getDictionaryVersion() + 1, answer.getVersion());
    assertEquals(
        "learner forgot; version " + answer.getVersion() + " follows", alarm.getReaction());
    assertEquals(alarm.getStartMicros() + alarm.getSpanMicros(), answer.getTimeMicros());
    assertEquals(0, state.windowsLearned(), "the schedule of rounds starts anew");
  }

  @Test
  void anEventOfManyWindowsIsFlaggedToItsEnd() {
    start(new SensorSettings());
    List<SensorReading> readings = Readings.tones(8 * 120, 1, 1000, 1);
    readings.subList(0, 8 * 100).forEach(this::accept);
    out.clear();
    Random random = new Random(5);
    for (SensorReading reading : readings.subList(8 * 100, 8 * 115)) {
      reading.getValues().set(0, (float) (300 * random.nextGaussian()));
      accept(reading);
    }
    assertEquals(15, out.anomalies.size());
    readings.subList(8 * 115, 8 * 120).forEach(this::accept);
    assertEquals(15, out.anomalies.size());
  }

  @Test
  void aSignalThatChangesForGoodIsFlaggedOnlyUntilTheHistoryKnowsIt() {
    start(new SensorSettings());
    List<SensorReading> readings = Readings.tones(8 * 200, 1, 1000, 1);
    readings.subList(0, 8 * 100).forEach(this::accept);
    out.clear();
    Random random = new Random(5);
    for (SensorReading reading : readings.subList(8 * 100, 8 * 200)) {
      reading.getValues().set(0, (float) (3 * random.nextGaussian()));
      accept(reading);
    }
    long flagged = out.anomalies.stream().filter(a -> a.getKind() == AnomalyKind.OUTLIER).count();
    // every fourth outlier doubles the 0.9 quantile of 32, and noise leaves some 5 times as much
    assertTrue(flagged >= 1 && flagged <= 16, flagged + " outliers");
    assertTrue(state.windowsLearned() > 60, state.windowsLearned() + " windows learned");
  }

  @Test
  void aFlatSignalIsCodedByItsMeanAlone() {
    start(new SensorSettings());
    for (int i = 0; i < 8 * 40; i++) {
      accept(i, 12.5f);
    }
    for (SparseCode code : out.codes) {
      assertEquals(List.of(), code.getAtoms());
      assertEquals(List.of(12.5f), code.getMean());
      assertEquals(0f, code.getResidual());
      assertEquals(0f, code.getAnomalyScore());
    }
    assertTrue(out.anomalies.isEmpty());
    accept(8 * 40, 13f);
    accept(8 * 40 + 1, 1, 7);
    assertEquals(1, out.anomalies.size());
  }
}
