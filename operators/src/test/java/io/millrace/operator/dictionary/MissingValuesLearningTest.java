package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MissingValuesLearningTest {
  private static final int D = 32;
  private static final int K = 64;

  private final SparseCoder coder =
      new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3));

  @DisplayName("T-MASK")
  @ParameterizedTest(name = "20 % missing, seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void recoversAtomsAndHiddenEntriesWithAFifthMissing(long seed) {
    LearnerState filled = learn(seed, true);
    LearnerState zeros = learn(seed, false);
    double recovered = planted(seed).recovered(filled.dictionary());
    double error = hiddenError(seed, filled.dictionary());
    double errorOfZeros = hiddenError(seed, zeros.dictionary());
    String figures =
        "recovered "
            + recovered
            + ", hidden entries "
            + error
            + ", zero-filled "
            + errorOfZeros
            + " (seed "
            + seed
            + ")";
    assertTrue(recovered >= 0.90, figures);
    assertTrue(error <= 0.27, figures);
    assertTrue(error < errorOfZeros, figures);
  }

  private static PlantedStream planted(long seed) {
    return new PlantedStream(D, K, 3, 20, seed);
  }

  private static float[] mask(Random random) {
    float[] mask = new float[D];
    for (int i = 0; i < D; i++) {
      mask[i] = random.nextDouble() < 0.2 ? 0 : 1;
    }
    return mask;
  }

  /** 16,000 records; missing entries filled by the code over the others, or by zero. */
  private LearnerState learn(long seed, boolean fill) {
    PlantedStream planted = planted(seed);
    Random random = new Random(seed + 50);
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(planted.next(K), K, D);
    SparseCodes codes = new SparseCodes();
    for (int round = 0; round < 500; round++) {
      float[] records = planted.next(32);
      codes.clear();
      for (int r = 0; r < 32; r++) {
        float[] mask = mask(random);
        for (int i = 0; i < D; i++) {
          records[r * D + i] *= mask[i];
        }
        if (fill) {
          coder.codeMasked(state.dictionary(), records, r * D, mask, codes);
          DictionaryLearner.fillMissing(state.dictionary(), records, r * D, mask, codes, r);
        } else {
          coder.code(state.dictionary(), records, r * D, 1, codes);
        }
      }
      learner.accumulate(state, records, 0, 32, codes);
      learner.endRound(state);
    }
    return state;
  }

  /** Root of hidden entries' squared error over their energy, on records not learned from. */
  private double hiddenError(long seed, Dictionary dictionary) {
    PlantedStream planted = planted(seed);
    planted.next(K + 16_000);
    Random random = new Random(seed + 60);
    SparseCodes codes = new SparseCodes();
    float[] records = planted.next(2_000);
    double energy = 0;
    double squared = 0;
    for (int r = 0; r < 2_000; r++) {
      float[] mask = mask(random);
      float[] record = Arrays.copyOfRange(records, r * D, (r + 1) * D);
      codes.clear();
      coder.codeMasked(dictionary, record, 0, mask, codes);
      DictionaryLearner.fillMissing(dictionary, record, 0, mask, codes, 0);
      for (int i = 0; i < D; i++) {
        double hidden = records[r * D + i];
        energy += mask[i] == 0 ? hidden * hidden : 0;
        squared += mask[i] == 0 ? (hidden - record[i]) * (hidden - record[i]) : 0;
      }
    }
    return Math.sqrt(squared / energy);
  }

  @Test
  void fillsOnlyWhatIsMissing() {
    float half = (float) Math.sqrt(0.5);
    Dictionary dictionary = Dictionary.of(new float[] {half, half, 0, 0, 0, 1}, 2, 3);
    SparseCodes codes = new SparseCodes();
    codes.append(new int[] {0, 1}, new float[] {2 / half, 5}, 2, 1, 0);
    float[] record = {9, 7, 7, 99};
    DictionaryLearner.fillMissing(dictionary, record, 1, new float[] {1, 0, 0}, codes, 0);
    assertArrayEquals(new float[] {9, 7, 2, 5}, record, 1e-6f);
  }
}
