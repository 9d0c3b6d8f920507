package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrankWolfeDictionaryLearningTest {

  /** y = T x, T random orthogonal, x Bernoulli(theta)-Gaussian; rows of T are the true atoms. */
  private static final class Planted {
    final int n;
    final float[] truth;
    private final double theta;
    private final Random random;

    Planted(int n, double theta, long seed) {
      this.n = n;
      this.theta = theta;
      this.random = new Random(seed);
      this.truth = orthogonal();
    }

    float[] orthogonal() {
      float[] matrix = new float[n * n];
      for (int i = 0; i < n * n; i++) {
        matrix[i] = (float) random.nextGaussian();
      }
      assertTrue(new PolarFactor().apply(matrix, n));
      return matrix;
    }

    float[] next(int count) {
      float[] records = new float[count * n];
      for (int r = 0; r < count; r++) {
        for (int j = 0; j < n; j++) {
          if (random.nextDouble() < theta) {
            double value = random.nextGaussian();
            for (int i = 0; i < n; i++) {
              records[r * n + i] += (float) (value * truth[j * n + i]);
            }
          }
        }
      }
      return records;
    }

    /** 1 - |T D'|_4^4 / n: 0 exactly when D is T up to order and signs. */
    double error(Dictionary dictionary) {
      double sum = 0;
      for (int j = 0; j < n; j++) {
        for (int l = 0; l < n; l++) {
          double cosine = 0;
          for (int i = 0; i < n; i++) {
            cosine += (double) truth[j * n + i] * dictionary.atoms()[l * n + i];
          }
          sum += cosine * cosine * cosine * cosine;
        }
      }
      return 1 - sum / n;
    }
  }

  private static SparseCoder threshold(int n) {
    return new HardThreshold(new HardThreshold.Settings(Math.max(1, n / 8), 0f, false));
  }

  @DisplayName("T-FW")
  @ParameterizedTest(name = "n {0}, theta {1}, batch {2}, steps {3} and {4}, seed {6}: at most {5}")
  @CsvSource({
    "16, 0.1,  1, 1, 1, 0.010, 1",
    "16, 0.1,  1, 4, 2, 0.010, 3",
    "64, 0.1,  1, 1, 1, 0.050, 3",
    "64, 0.1,  1, 4, 2, 0.050, 1",
    "64, 0.1, 16, 1, 1, 0.003, 1",
    "64, 0.1, 16, 4, 2, 0.003, 3",
    "32, 0.3, 16, 4, 2, 0.005, 1",
    "32, 0.3, 16, 4, 2, 0.005, 2",
    "32, 0.3, 16, 4, 2, 0.005, 3"
  })
  void findsThePlantedOrthogonalDictionary(
      int n, double theta, int batch, double a, double b, double expected, long seed) {
    Planted planted = new Planted(n, theta, seed);
    DictionaryLearner learner =
        new FrankWolfeDictionaryLearning(new FrankWolfeDictionaryLearning.Settings(a, b, 2));
    LearnerState state = learner.createState(planted.orthogonal(), n, n);
    LearningLoop loop = new LearningLoop(learner, threshold(n));
    double gap = 1;
    for (int round = 0; round < 2_000; round++) {
      gap = loop.round(state, planted.next(batch)).frankWolfeGap().orElseThrow();
    }
    double error = planted.error(state.dictionary());
    assertTrue(error <= expected, "error " + error + ", gap " + gap + " (seed " + seed + ")");
    assertTrue(gap >= -1e-5 && gap < 0.05, "gap " + gap + " (seed " + seed + ")");
  }

  @DisplayName("T-FW: 2 % of the records 30 times too large")
  @ParameterizedTest(name = "seed {0}")
  @CsvSource({"1", "2"})
  void survivesWildRecordsByClipping(long seed) {
    double clipped = errorAmongWildRecords(2, seed);
    double plain = errorAmongWildRecords(Float.POSITIVE_INFINITY, seed);
    assertTrue(clipped <= 0.003, "error " + clipped + " (seed " + seed + ")");
    assertTrue(plain > 10 * clipped, "error without clipping " + plain + " (seed " + seed + ")");
  }

  private static double errorAmongWildRecords(float clip, long seed) {
    Planted planted = new Planted(32, 0.1, seed);
    Random wild = new Random(seed + 100);
    DictionaryLearner learner =
        new FrankWolfeDictionaryLearning(new FrankWolfeDictionaryLearning.Settings(1, 1, clip));
    LearnerState state = learner.createState(planted.orthogonal(), 32, 32);
    LearningLoop loop = new LearningLoop(learner, threshold(32));
    for (int round = 0; round < 2_000; round++) {
      float[] records = planted.next(16);
      for (int i = 0; i < records.length; i += 32) {
        float scale = wild.nextDouble() < 0.02 ? 30 : 1;
        for (int c = i; c < i + 32; c++) {
          records[c] *= scale;
        }
      }
      loop.round(state, records);
    }
    return planted.error(state.dictionary());
  }

  @DisplayName("T-FW: dictionary exchanged, schedule restarted")
  @Test
  void learnsANewDictionaryAfterARestart() {
    long seed = 4;
    Planted planted = new Planted(32, 0.1, seed);
    DictionaryLearner learner =
        new FrankWolfeDictionaryLearning(new FrankWolfeDictionaryLearning.Settings(1, 1, 2));
    LearnerState state = learner.createState(planted.orthogonal(), 32, 32);
    LearningLoop loop = new LearningLoop(learner, threshold(32));
    for (int round = 0; round < 1_000; round++) {
      loop.round(state, planted.next(16));
    }
    System.arraycopy(planted.orthogonal(), 0, planted.truth, 0, 32 * 32);
    assertTrue(planted.error(state.dictionary()) > 0.5);
    learner.forget(state);
    for (int round = 0; round < 1_000; round++) {
      loop.round(state, planted.next(16));
    }
    double error = planted.error(state.dictionary());
    assertTrue(error <= 0.004, "error " + error + " (seed " + seed + ")");
  }

  @Test
  void refusesADictionaryThatIsNotSquare() {
    DictionaryLearner learner =
        new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
    assertThrows(IllegalArgumentException.class, () -> learner.createState(new float[6], 2, 3));
    assertThrows(IllegalArgumentException.class, () -> learner.createState(new float[4], 2, 2));
  }

  @Test
  void aSilentRoundKeepsTheDictionaryOrthogonal() {
    Planted planted = new Planted(16, 0.1, 1);
    DictionaryLearner learner =
        new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(planted.orthogonal(), 16, 16);
    LearningLoop loop = new LearningLoop(learner, threshold(16));
    double before = planted.error(state.dictionary());
    assertEquals(0, loop.round(state, new float[16 * 3]).relativeError());
    assertEquals(before, planted.error(state.dictionary()), 1e-6);
  }
}
