package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The geometric median by smoothed Weiszfeld passes (Pillutla, Kakade, Harchaoui, Robust
 * aggregation for federated learning, 2019, arXiv 1912.13445), every pass on the Gram matrix. The
 * last row of the Gram matrix is the start. From the coordinate median three passes do where the
 * mean would need more than thirty.
 *
 * <p>O(n^2) a pass.
 *
 * @param passes 1 to 1000
 * @param floor of a distance, above 0
 */
record GeometricMedian(int passes, double floor) implements GramRule {
  GeometricMedian {
    SettingCheck.range("passes", passes, 1, 1000);
    SettingCheck.range("floor of a distance", floor, 1e-100, 1e100);
  }

  @Override
  public double[] weights(Gram gram) {
    int clients = gram.size() - 1;
    SettingCheck.range("clients beside the start", clients, 1, Integer.MAX_VALUE);
    double[] weights = new double[gram.size()];
    weights[clients] = 1;
    for (int pass = 0; pass < passes; pass++) {
      double[] distances = gram.squaredDistances(weights);
      double total = 0;
      for (int i = 0; i < clients; i++) {
        weights[i] = 1 / Math.max(floor, Math.sqrt(distances[i]));
        total += weights[i];
      }
      weights[clients] = 0;
      for (int i = 0; i < clients; i++) {
        weights[i] /= total;
      }
    }
    return weights;
  }
}
