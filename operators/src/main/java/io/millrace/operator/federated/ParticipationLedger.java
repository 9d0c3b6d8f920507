package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * What one client has given away: every release its update was part of, without any credit for
 * sampling, since on a stream clients choose when to come. Releases of different noise compose
 * exactly: they are one of noise 1 / sqrt(sum of 1 / z^2). A round that would pass a client's
 * budget has to be refused before anything of it is summed.
 *
 * <p>16 bytes. One thread.
 */
final class ParticipationLedger {
  private static final int BISECTIONS = 80;
  private static final double LARGEST_EPSILON = 700;

  private long participations;
  private double precision;

  /** Releases this client was part of. */
  long participations() {
    return participations;
  }

  /** Sum of 1 / z^2. */
  double precision() {
    return precision;
  }

  /**
   * Adds a release.
   *
   * @param noise its noise multiplier z
   */
  void participated(double noise) {
    SettingCheck.range("noise multiplier", noise, 0.01, 1e6);
    precision += 1 / (noise * noise);
    participations++;
  }

  /** Epsilon so far. */
  double epsilon(double delta) {
    return epsilon(precision, delta);
  }

  /** Whether one more release of this noise stays within a budget. */
  boolean affords(double noise, double epsilonBudget, double delta) {
    SettingCheck.range("noise multiplier", noise, 0.01, 1e6);
    return epsilon(precision + 1 / (noise * noise), delta) <= epsilonBudget;
  }

  /** The upper end of the last interval of a bisection: never below the true epsilon. */
  static double epsilon(double precision, double delta) {
    SettingCheck.range("delta", delta, 1e-15, Math.nextDown(1.0));
    if (precision == 0) {
      return 0;
    }
    double noise = 1 / Math.sqrt(precision);
    double low = 0;
    double high = LARGEST_EPSILON;
    if (GaussianMechanism.exactDelta(noise, high) > delta) {
      return Double.POSITIVE_INFINITY;
    }
    for (int step = 0; step < BISECTIONS; step++) {
      double middle = (low + high) / 2;
      if (GaussianMechanism.exactDelta(noise, middle) > delta) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }
}
