package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OnlineDictionaryLearningTest {
  private static final float NO_CLIP = Float.POSITIVE_INFINITY;

  private static BatchOrthogonalMatchingPursuit pursuit(int atoms) {
    return new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(atoms));
  }

  @DisplayName("T-ODL")
  @ParameterizedTest(name = "d {0}, k {1}, s {2}, seed {3}: recovers at least {4}")
  @CsvSource({
    "64, 128, 5, 1, 0.90",
    "64, 128, 5, 2, 0.90",
    "64, 128, 5, 3, 0.90",
    "20, 50, 3, 1, 0.85",
    "20, 50, 3, 2, 0.85",
    "20, 50, 3, 3, 0.85"
  })
  void recoversPlantedAtomsInOnePass(int d, int k, int s, long seed, double expected) {
    PlantedStream planted = new PlantedStream(d, k, s, 20, seed);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(planted.next(k), k, d);
    LearningLoop loop = new LearningLoop(learner, pursuit(s));
    for (int round = 0; round < 24_000 / 32; round++) {
      loop.round(state, planted.next(32));
    }
    double recovered = planted.recovered(state.dictionary());
    assertTrue(recovered >= expected, "recovered " + recovered + " (seed " + seed + ")");
  }

  @Test
  void blockedSweepEqualsTheSequentialSweepInDouble() {
    int d = 24;
    int k = 70; // two blocks and a part
    long seed = 7;
    PlantedStream planted = new PlantedStream(d, k, 4, 20, seed);
    // Rounds this short replace no atom and remember everything: a sweep and nothing else.
    DictionaryLearner learner =
        new OnlineDictionaryLearning(
            new OnlineDictionaryLearning.Settings(0, Double.POSITIVE_INFINITY, 1, NO_CLIP));
    LearnerState state = learner.createState(planted.next(k), k, d);
    LearningLoop loop = new LearningLoop(learner, pursuit(4));
    for (int round = 0; round < 5; round++) {
      loop.accumulate(state, planted.next(64));
      double[] expected =
          BatchReference.sequentialSweep(
              BatchReference.doubles(state.dictionary().atoms()),
              BatchReference.doubles(state.statistics().codeProducts()),
              BatchReference.doubles(state.statistics().recordProducts()),
              k,
              d);
      assertEquals(0, learner.endRound(state).replacedAtoms());
      float[] got = state.dictionary().atoms();
      double worst = 0;
      for (int i = 0; i < got.length; i++) {
        worst = Math.max(worst, Math.abs(got[i] - expected[i]));
      }
      // A_jj of a barely used atom is small against A_ij and enlarges float rounding.
      assertTrue(worst < 2e-5, "round " + round + ": difference " + worst + " (seed " + seed + ")");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void explainsUnseenRecordsAsWellAsBatchAlternatingMinimisation(long seed) {
    int d = 20;
    int k = 50;
    int s = 3;
    PlantedStream planted = new PlantedStream(d, k, s, 20, seed);
    float[] initial = LearningLoop.unit(planted.next(k), d);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(initial, k, d);
    LearningLoop loop = new LearningLoop(learner, pursuit(s));
    float[] records = planted.next(6_400);
    for (int pass = 0; pass < 3; pass++) {
      for (int first = 0; first < records.length; first += 32 * d) {
        loop.round(state, Arrays.copyOfRange(records, first, first + 32 * d));
      }
    }
    double[] batch =
        BatchReference.alternatingMinimisation(
            BatchReference.doubles(records), BatchReference.doubles(initial), k, d, s, 40);
    double[] unseen = BatchReference.doubles(planted.next(1_000));
    double online =
        BatchReference.residualShare(
            unseen, BatchReference.doubles(state.dictionary().atoms()), k, d, s);
    double reference = BatchReference.residualShare(unseen, batch, k, d, s);
    assertTrue(
        online <= 1.05 * reference,
        "energy left: online " + online + ", batch " + reference + " (seed " + seed + ")");
  }

  @Test
  void replacesADeadAtomOnceTheOthersAreSettled() {
    int d = 16;
    int k = 20;
    PlantedStream planted = new PlantedStream(d, k, 2, 20, 3);
    float[] initial = planted.truth.clone();
    Arrays.fill(initial, 0, d, 0);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(initial, k, d);
    LearningLoop loop = new LearningLoop(learner, pursuit(2));
    int replaced = 0;
    for (int round = 0; round < 100; round++) {
      replaced += loop.round(state, planted.next(32)).replacedAtoms();
    }
    assertTrue(replaced >= 1 && replaced <= 3, "replaced " + replaced);
    assertEquals(1.0, planted.recovered(state.dictionary()));
  }

  @Test
  void clippingKeepsWildRecordsFromDestroyingTheDictionary() {
    double clipped = recoveredAmongWildRecords(3);
    double plain = recoveredAmongWildRecords(NO_CLIP);
    assertTrue(clipped >= 0.85, "recovered " + clipped);
    assertTrue(clipped >= plain, "recovered " + clipped + " with, " + plain + " without");
  }

  private static double recoveredAmongWildRecords(float clip) {
    PlantedStream planted = new PlantedStream(20, 30, 3, 20, 5);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(new OnlineDictionaryLearning.Settings(4, 50, 1, clip));
    LearnerState state = learner.createState(planted.next(30), 30, 20);
    LearningLoop loop = new LearningLoop(learner, pursuit(3));
    Random wild = new Random(6);
    for (int round = 0; round < 500; round++) {
      float[] records = planted.next(32);
      for (int r = 0; r < 32; r++) {
        if (wild.nextDouble() < 0.02) {
          for (int i = r * 20; i < (r + 1) * 20; i++) {
            records[i] = (float) (40 * wild.nextGaussian());
          }
        }
      }
      loop.round(state, records);
    }
    return planted.recovered(state.dictionary());
  }

  @Test
  void aRoundWithoutRecordsKeepsTheDictionary() {
    PlantedStream planted = new PlantedStream(8, 10, 2, 20, 1);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(planted.next(10), 10, 8);
    Dictionary before = state.dictionary();
    assertEquals(0, learner.endRound(state).windows());
    assertEquals(before, state.dictionary());
    LearningLoop loop = new LearningLoop(learner, pursuit(2));
    RoundResult silent = loop.round(state, new float[8 * 5]);
    assertEquals(0, silent.relativeError());
    assertArrayEquals(before.atoms(), state.dictionary().atoms());
  }

  @Test
  void refusesShapesThatDoNotFitAndChangesNothing() {
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    assertThrows(IllegalArgumentException.class, () -> learner.createState(new float[7], 2, 4));
    LearnerState state = learner.createState(new float[] {1, 0, 0, 1}, 2, 2);
    SparseCodes none = new SparseCodes();
    byte[] before = LearningLoop.bytes(state);
    assertThrows(
        IllegalArgumentException.class,
        () -> learner.accumulate(state, new float[] {1, 2}, 0, 1, none));
    assertArrayEquals(before, LearningLoop.bytes(state));
  }
}
