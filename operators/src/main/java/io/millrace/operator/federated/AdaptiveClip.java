package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * A clip bound that follows a quantile of the updates' lengths (Andrew, Thakkar, McMahan,
 * Ramaswamy, Differentially private learning with adaptive clipping, 2019, arXiv 1905.03871): bound
 * times exp(-rate (b - quantile)) with b the share of clients within the bound. The share is
 * private, too: the count gets noise, of deviation clients / 20 in the paper's runs.
 *
 * @param quantile of lengths to stay at, published 0.5
 * @param rate published 0.2
 */
record AdaptiveClip(double quantile, double rate) {
  /** Keeps float rounding from carrying a clipped update past its bound. */
  private static final double MARGIN = 1 - 1e-6;

  AdaptiveClip {
    SettingCheck.range("quantile", quantile, 0, 1);
    SettingCheck.range("clip rate", rate, 0, 10);
  }

  /**
   * The next round's bound.
   *
   * @param within clients whose update was not longer than the bound
   * @param noise added to that count, already drawn
   */
  double next(double bound, long within, long clients, double noise) {
    SettingCheck.range("clip bound", bound, Double.MIN_NORMAL, 1e150);
    SettingCheck.range("clients", clients, 1, 1L << 40);
    SettingCheck.range("clients within the bound", within, 0, clients);
    double share = (within + noise) / clients;
    return bound * StrictMath.exp(-rate * (share - quantile));
  }

  /**
   * What to multiply an update by so that it is no longer than the bound, with a margin for
   * rounding to float.
   *
   * @param squaredNorm of the whole update, finite
   */
  static double factor(double bound, double squaredNorm) {
    double norm = Math.sqrt(squaredNorm);
    return norm <= bound ? 1 : bound / norm * MARGIN;
  }
}
