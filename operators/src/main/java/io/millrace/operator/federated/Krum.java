package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Krum and multi-Krum (Blanchard, El Mhamdi, Guerraoui, Stainer, 2017, arXiv 1703.02757): the score
 * of an update is the sum of squared distances to its n - f - 2 nearest; the mean of the updates of
 * the lowest scores is the aggregate. The guarantee needs n at least 2 f + 3; fewer are allowed
 * down to f + 3.
 *
 * <p>O(n^2 log n).
 *
 * @param faulty f, at least 0
 * @param chosen updates to average: 1 is Krum, n - f the usual multi-Krum
 */
record Krum(int faulty, int chosen) implements GramRule {
  Krum {
    SettingCheck.range("faulty clients", faulty, 0, 1 << 20);
    SettingCheck.range("chosen clients", chosen, 1, 1 << 20);
  }

  /**
   * @throws IllegalArgumentException for fewer than f + 3 clients, or fewer than are to be chosen
   */
  @Override
  public double[] weights(Gram gram) {
    int clients = gram.size();
    SettingCheck.range("clients", clients, Math.max(faulty + 3, chosen), Integer.MAX_VALUE);
    double[] scores = new double[clients];
    double[] distances = new double[clients - 1];
    for (int i = 0; i < clients; i++) {
      for (int j = 0; j < clients - 1; j++) {
        distances[j] = gram.squaredDistance(i, j < i ? j : j + 1);
      }
      Arrays.sort(distances);
      for (int j = 0; j < clients - faulty - 2; j++) {
        scores[i] += distances[j];
      }
    }
    double[] weights = new double[clients];
    for (int row : NearestRows.smallest(scores, chosen)) {
      weights[row] = 1.0 / chosen;
    }
    return weights;
  }
}
