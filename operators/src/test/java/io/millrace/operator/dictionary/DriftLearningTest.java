package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DriftLearningTest {
  private static final int BATCH = 32;

  @DisplayName("T-DRIFT")
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void alarmsWhenHalfTheAtomsChangeAndLearnsTheNewOnes(long seed) {
    int d = 32;
    int k = 64;
    PlantedStream planted = new PlantedStream(d, k, 3, 20, seed);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(planted.next(k), k, d);
    LearningLoop loop =
        new LearningLoop(
            learner,
            new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3)));
    PageHinkley test = new PageHinkley(PageHinkley.Settings.DEFAULT);
    for (int round = 0; round < 20_000 / BATCH; round++) {
      boolean alarm = test.update(loop.round(state, planted.next(BATCH)).relativeError());
      assertTrue(!alarm, "false alarm in round " + round + " (seed " + seed + ")");
    }
    double before = planted.recovered(state.dictionary());
    assertTrue(before >= 0.88, "recovered before " + before + " (seed " + seed + ")");
    planted.replaceAtoms(0, k / 2);
    int alarmAfter = -1;
    for (int round = 1; round <= 5_000 / BATCH; round++) {
      if (test.update(loop.round(state, planted.next(BATCH)).relativeError())) {
        learner.forget(state);
        alarmAfter = alarmAfter < 0 ? round : alarmAfter;
      }
    }
    assertTrue(
        alarmAfter >= 1 && alarmAfter <= 10, "alarm after " + alarmAfter + " (seed " + seed + ")");
    double after = planted.recovered(state.dictionary());
    assertTrue(after >= 0.80, "recovered after " + after + " (seed " + seed + ")");
  }
}
