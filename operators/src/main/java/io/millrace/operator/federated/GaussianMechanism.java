package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * One release of a clipped sum with Gaussian noise, to which each client's update was added with
 * some probability of its own.
 *
 * @param noise standard deviation over the clip bound, z; 0.01 to 10^6
 * @param sampling probability q, above 0 to 1. Below 1 only where the server draws the clients at
 *     random: clients that come when they like count with 1
 */
record GaussianMechanism(double noise, double sampling) {
  GaussianMechanism {
    SettingCheck.range("noise multiplier", noise, 0.01, 1e6);
    SettingCheck.range("sampling probability", sampling, 1e-9, 1);
  }

  /**
   * Delta of many releases without sampling, in closed form (Balle, Wang, 2018, arXiv 1805.06530):
   * they are one release of noise 1 / sqrt(sum of 1 / z^2).
   *
   * @param epsilon 0 or more
   */
  static double exactDelta(double noise, double epsilon) {
    double half = 1 / (2 * noise);
    double shift = epsilon * noise;
    // e^epsilon may overflow where the tail it multiplies underflows.
    double tail = NormalDistribution.below(-half - shift);
    double product = tail > 0 ? StrictMath.exp(epsilon + StrictMath.log(tail)) : 0;
    return Math.max(0, NormalDistribution.below(half - shift) - product);
  }
}
