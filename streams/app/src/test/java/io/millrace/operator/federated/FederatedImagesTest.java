package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.LabelledImages;
import io.millrace.app.federation.Misconduct;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Real models with the rules alone, without streams. In the rules' own package, since they are not
 * for other rooms.
 */
class FederatedImagesTest {
  private static final int CLIENTS = 8;
  private static final int FAULTY = 2;
  private static final int ROUNDS = 30;
  private static final long SEED = 1;

  /**
   * Reference accuracies after 10, 50 and 100 rounds were measured once elsewhere, for one draw of
   * the clients. A test image is 0.28 points, and draws differ by two points at 0.1.
   */
  @ParameterizedTest
  @CsvSource({
    "100, 0.861, 0.886, 0.892, 0.02",
    "1,   0.850, 0.886, 0.889, 0.02",
    "0.1, 0.806, 0.864, 0.886, 0.03"
  })
  void digitsDividedUnequallyReachTheReference(
      double concentration, double at10, double at50, double at100, double tolerance) {
    FederatedTask task = FederatedTask.digits();
    List<LabelledImages> shares = task.shares(10, concentration, SEED);
    double[] model = task.perceptron().initial(SEED);
    FixedPointScale scale = FixedPointScale.finest(100, task.images().training().count(), 10_000);
    FederatedAveraging averaging = new FederatedAveraging(model.length, scale);
    double[] got = new double[101];

    for (int round = 0; round < 100; round++) {
      for (int client = 0; client < 10; client++) {
        LabelledImages share = shares.get(client);
        averaging.accept(task.update(model, share, round, seed(round, client)), share.count());
      }
      averaging.close(model, 1);
      got[round + 1] = task.accuracy(model);
    }

    assertEquals(at10, got[10], tolerance);
    assertEquals(at50, got[50], tolerance);
    assertEquals(at100, got[100], tolerance);
  }

  @ParameterizedTest
  @EnumSource(names = {"SIGN_FLIP", "ALIE"})
  void aPerceptronWithTwoOfEightByzantineComesWithinOneAndAHalfPointsOfTheReference(
      Misconduct misconduct) {
    FederatedTask task = FederatedTask.fashion();

    double[] accuracies = train(task, misconduct, ROUNDS, FederatedImagesTest::mixedAndTrimmed);

    // Accuracy wanders by a point from round to round: the mean of the last five says more than
    // the last.
    double last = 0;
    for (int round = ROUNDS - 5; round < ROUNDS; round++) {
      last += accuracies[round] / 5;
    }
    assertTrue(last >= task.reference() - FederatedTask.TOLERANCE, "got " + last);
  }

  @Test
  void plainAveragingFailsWithTheSameClients() {
    FederatedTask task = FederatedTask.fashion();

    double[] accuracies = train(task, Misconduct.SIGN_FLIP, 6, FederatedImagesTest::mean);

    assertTrue(accuracies[5] < 0.3, "got " + accuracies[5]);
  }

  private static long seed(long round, int client) {
    return SEED * 1_000_003 + round * 1_009 + client;
  }

  private interface Rule {
    double[] combine(float[][] updates);
  }

  private static double[] train(FederatedTask task, Misconduct misconduct, int rounds, Rule rule) {
    List<LabelledImages> shares = task.shares(CLIENTS, 1, SEED);
    double[] model = task.perceptron().initial(SEED);
    double[] accuracies = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      List<float[]> honest = new ArrayList<>();
      for (int client = 0; client < CLIENTS - FAULTY; client++) {
        honest.add(task.update(model, shares.get(client), round, seed(round, client)));
      }
      List<float[]> updates = new ArrayList<>(honest);
      for (int client = CLIENTS - FAULTY; client < CLIENTS; client++) {
        float[] own = task.update(model, shares.get(client), round, seed(round, client));
        updates.add(misconduct.instead(own, honest));
      }
      double[] step = rule.combine(updates.toArray(float[][]::new));
      for (int i = 0; i < model.length; i++) {
        model[i] += step[i];
      }
      accuracies[round] = task.accuracy(model);
    }
    return accuracies;
  }

  private static double[] mixedAndTrimmed(float[][] updates) {
    int length = updates[0].length;
    Gram gram = new Gram(CLIENTS);
    gram.add(updates, 0, length);
    float[][] mixed = new float[CLIENTS][length];
    new NearestNeighbourMixing(FAULTY).mixing(gram).apply(updates, 0, length, mixed);
    double[] out = new double[length];
    new TrimmedMean(CLIENTS, FAULTY).combine(mixed, 0, length, out, 0);
    return out;
  }

  private static double[] mean(float[][] updates) {
    double[] out = new double[updates[0].length];
    new TrimmedMean(CLIENTS, 0).combine(updates, 0, out.length, out, 0);
    return out;
  }
}
