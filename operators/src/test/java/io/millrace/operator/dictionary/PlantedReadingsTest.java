package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Planted atoms from readings through windows, codes and rounds to the published versions. */
class PlantedReadingsTest {
  private static final int D = 64;
  private static final int K = 128;
  private static final int SPARSITY = 5;
  private static final int WORKERS = 4;
  private static final int ROUND = 256;

  private static SparseCoder pursuit() {
    return new BatchOrthogonalMatchingPursuit(
        BatchOrthogonalMatchingPursuit.Settings.atoms(SPARSITY));
  }

  private static DictionaryLearner learner() {
    return new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
  }

  private static SensorSettings settings() {
    return new SensorSettings().windows(D, D).atoms(K).undetected();
  }

  @DisplayName("T-ODL, from readings to versions")
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void recoversPlantedAtomsFromOneSensor(long seed, TestReporter reporter) {
    PlantedStream planted = new PlantedStream(D, K, SPARSITY, 20, seed);
    SensorDictionaryLearning operator =
        new SensorDictionaryLearning(settings().rounds(32, 512, 32).build(), pursuit(), learner());
    SensorState state = operator.createState("sensor");
    MemoryModels published = new MemoryModels();
    Clock clock = new Clock();
    for (int window = 0; window < 24_000; window++) {
      for (float value : planted.next(1)) {
        operator.accept(
            state,
            clock.reading(value),
            0,
            Models.NONE,
            output -> {
              if (output instanceof DictionaryVersion version) {
                published.add(version);
              }
            });
      }
    }
    DictionaryModel newest = (DictionaryModel) published.latest("sensor").orElseThrow();
    assertEquals(state.dictionaryVersion(), newest.version());
    double recovered = recovered(planted, newest.dictionary());
    reporter.publishEntry(recovered + " recovered in " + newest.version() + " versions");
    assertTrue(recovered >= 0.85, "recovered " + recovered + " (seed " + seed + ")");
  }

  @DisplayName("T-MERGE (b), from readings to versions")
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void fourWorkersRecoverPlantedAtomsInFortyRounds(long seed, TestReporter reporter) {
    PlantedStream planted = new PlantedStream(D, K, SPARSITY, 20, seed);
    SharedLoop loop = loop();
    Clock clock = new Clock();
    for (int window = 0; window < 40 * ROUND; window++) {
      for (int worker = 0; worker < WORKERS; worker++) {
        for (float value : planted.next(1)) {
          loop.accept(worker, clock.reading(value));
        }
      }
    }
    assertEquals(40, loop.merged.dictionaryVersion());
    assertEquals(40L * WORKERS * ROUND, loop.merged.windowsLearned());
    DictionaryModel newest = (DictionaryModel) loop.models.latest(SharedLoop.NAME).orElseThrow();
    double recovered = recovered(planted, newest.dictionary());
    reporter.publishEntry(recovered + " recovered");
    assertTrue(recovered >= 0.85, "recovered " + recovered + " (seed " + seed + ")");
  }

  @DisplayName("T-MERGE (a), from readings to sums")
  @Test
  void theSumsAtTheMergeStageAreThoseOfOneRun() {
    PlantedStream planted = new PlantedStream(D, K, SPARSITY, 20, 4);
    SharedLoop loop = loop();
    DictionaryLearner single = learner();
    Dictionary initial = single.createState(Cosines.atoms(K, 1, D), K, D).dictionary();
    SufficientStatistics whole = single.createStatistics(K, D);
    Clock clock = new Clock();
    for (int worker = 0; worker < WORKERS - 1; worker++) {
      SlidingWindow window = new SlidingWindow(1, D);
      WindowSnapshot snapshot = new WindowSnapshot(1, D);
      for (int w = 0; w < ROUND; w++) {
        for (float value : planted.next(1)) {
          SensorReading reading = clock.reading(value);
          window.add(reading.getTimeMicros(), new float[] {value});
          loop.accept(worker, reading);
        }
        window.snapshot(D, snapshot);
        SparseCodes codes = new SparseCodes();
        pursuit().code(initial, snapshot.normalised, 0, 1, codes);
        single.accumulate(whole, initial, snapshot.normalised, 0, 1, codes);
      }
    }
    SufficientStatistics merged = loop.merged.learner.statistics();
    assertEquals(3 * ROUND, merged.windows());
    assertEquals(whole.energy(), merged.energy(), 1e-12 * whole.energy());
    assertEquals(whole.residualEnergy(), merged.residualEnergy(), 1e-12 * whole.energy());
    assertClose(whole.codeProducts(), merged.codeProducts());
    assertClose(whole.recordProducts(), merged.recordProducts());
    assertClose(whole.usage(), merged.usage());
  }

  /** Sums of float in another order. */
  private static void assertClose(float[] expected, float[] got) {
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < got.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Math.max(worst, Math.abs((double) expected[i] - got[i]));
    }
    assertTrue(worst <= 1e-6 * largest, "difference " + worst + ", largest " + largest);
  }

  private static SharedLoop loop() {
    SensorSettings shared = settings().shared(SharedLoop.NAME);
    return new SharedLoop(
        shared.rounds(ROUND, ROUND, 32).build(),
        shared.rounds(WORKERS * ROUND, WORKERS * ROUND, 32).build(),
        PlantedReadingsTest::pursuit,
        PlantedReadingsTest::learner,
        WORKERS);
  }

  /** Of the planted atoms without their means, which windows do not have. */
  private static double recovered(PlantedStream planted, Dictionary dictionary) {
    float[] truth = planted.truth.clone();
    for (int atom = 0; atom < K; atom++) {
      double sum = 0;
      for (int i = 0; i < D; i++) {
        sum += truth[atom * D + i];
      }
      for (int i = 0; i < D; i++) {
        truth[atom * D + i] -= (float) (sum / D);
      }
    }
    float[] unit = LearningLoop.unit(truth, D);
    int found = 0;
    for (int atom = 0; atom < K; atom++) {
      double best = 0;
      for (int learned = 0; learned < dictionary.atomCount(); learned++) {
        double cosine = 0;
        for (int i = 0; i < D; i++) {
          cosine += (double) unit[atom * D + i] * dictionary.atoms()[learned * D + i];
        }
        best = Math.max(best, Math.abs(cosine));
      }
      found += best > 0.99 ? 1 : 0;
    }
    return (double) found / K;
  }

  /** One reading, filled anew each millisecond. */
  private static final class Clock {
    private final SensorReading reading = new SensorReading(0L, null, List.of());

    SensorReading reading(float value) {
      reading.setTimeMicros(reading.getTimeMicros() + 1000);
      reading.setValues(List.of(value));
      return reading;
    }
  }
}
