package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Renyi accounting of sampled Gaussian releases (Mironov, Talwar, Zhang, 2019, arXiv 1908.10530),
 * turned into epsilon by the conversion of Canonne, Kamath, Steinke (2020, arXiv 2004.00010). An
 * upper bound, some percent above {@link PrivacyLossAccountant}; divergences of releases simply
 * add.
 *
 * <p>O(orders^2) an addition with sampling, some milliseconds, O(orders) without. One thread.
 */
final class RenyiAccountant {
  /** Of the whole orders from 2 on that are accounted. */
  static final int LARGEST_ORDER = 512;

  /** Index is the order; 0 and 1 are not used. */
  private final double[] divergences = new double[LARGEST_ORDER + 1];

  /**
   * Adds releases.
   *
   * @param releases 0 or more
   */
  void add(GaussianMechanism mechanism, long releases) {
    SettingCheck.range("releases", releases, 0, 1L << 50);
    double[] curve = curve(mechanism);
    for (int order = 2; order <= LARGEST_ORDER; order++) {
      divergences[order] += releases * curve[order];
    }
  }

  /** Renyi divergence of all releases together. */
  double divergence(int order) {
    return divergences[order];
  }

  /**
   * Smallest epsilon found at any order.
   *
   * @param delta above 0, below 1
   */
  double epsilon(double delta) {
    SettingCheck.range("delta", delta, Double.MIN_NORMAL, Math.nextDown(1.0));
    double best = Double.POSITIVE_INFINITY;
    for (int order = 2; order <= LARGEST_ORDER; order++) {
      double above = order - 1.0;
      double epsilon =
          divergences[order]
              + StrictMath.log(above / order)
              - (StrictMath.log(delta) + StrictMath.log(order)) / above;
      best = Math.min(best, epsilon);
    }
    return Math.max(0, best);
  }

  /** Divergence of one release at every whole order: log sum of binomial terms over order - 1. */
  private static double[] curve(GaussianMechanism mechanism) {
    double[] logFactorials = new double[LARGEST_ORDER + 1];
    for (int k = 2; k <= LARGEST_ORDER; k++) {
      logFactorials[k] = logFactorials[k - 1] + StrictMath.log(k);
    }
    double square = 2 * mechanism.noise() * mechanism.noise();
    double[] curve = new double[LARGEST_ORDER + 1];
    if (mechanism.sampling() == 1) {
      for (int order = 2; order <= LARGEST_ORDER; order++) {
        curve[order] = order / square;
      }
      return curve;
    }
    double in = StrictMath.log(mechanism.sampling());
    double out = StrictMath.log1p(-mechanism.sampling());
    double[] terms = new double[LARGEST_ORDER + 1];
    for (int order = 2; order <= LARGEST_ORDER; order++) {
      double largest = Double.NEGATIVE_INFINITY;
      for (int k = 0; k <= order; k++) {
        double choose = logFactorials[order] - logFactorials[k] - logFactorials[order - k];
        terms[k] = choose + k * in + (order - k) * out + ((double) k * k - k) / square;
        largest = Math.max(largest, terms[k]);
      }
      double sum = 0;
      for (int k = 0; k <= order; k++) {
        sum += StrictMath.exp(terms[k] - largest);
      }
      curve[order] = Math.max(0, largest + StrictMath.log(sum)) / (order - 1);
    }
    return curve;
  }
}
