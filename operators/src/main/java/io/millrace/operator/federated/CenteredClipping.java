package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Centered clipping (Karimireddy, He, Jaggi, Learning from history for Byzantine robust
 * optimization, 2020, arXiv 2012.10333): v += mean of (x_i - v) min(1, radius / |x_i - v|). The
 * last row of the Gram matrix is the start: the previous aggregate.
 *
 * <p>O(n^2) a pass.
 *
 * @param radius above 0
 * @param passes 1 to 1000
 */
record CenteredClipping(double radius, int passes) implements GramRule {
  CenteredClipping {
    SettingCheck.range("clipping radius", radius, 1e-100, 1e100);
    SettingCheck.range("passes", passes, 1, 1000);
  }

  @Override
  public double[] weights(Gram gram) {
    int clients = gram.size() - 1;
    SettingCheck.range("clients beside the start", clients, 1, Integer.MAX_VALUE);
    double[] weights = new double[gram.size()];
    weights[clients] = 1;
    double[] pulls = new double[clients];
    for (int pass = 0; pass < passes; pass++) {
      double[] distances = gram.squaredDistances(weights);
      double kept = 1;
      for (int i = 0; i < clients; i++) {
        double distance = Math.sqrt(distances[i]);
        pulls[i] = (distance <= radius ? 1 : radius / distance) / clients;
        kept -= pulls[i];
      }
      for (int i = 0; i < clients; i++) {
        weights[i] = kept * weights[i] + pulls[i];
      }
      weights[clients] *= kept;
    }
    return weights;
  }
}
