package io.millrace.operator.federated;

/**
 * The standard normal distribution to about 1e-15, in {@link StrictMath}: the same bits everywhere.
 * Stateless.
 */
final class NormalDistribution {
  private static final double SERIES_BELOW = 3;
  private static final int SERIES_TERMS = 80;
  private static final int FRACTION_TERMS = 60;

  private NormalDistribution() {}

  /** Density at x. */
  static double density(double x) {
    return StrictMath.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  /**
   * Probability of a value up to x. Near 0 by the series x + x^3/3 + x^5/(3 5) + ..., in the tails
   * by the continued fraction 1/(x + 1/(x + 2/(x + 3/(x + ...)))), which keeps small tails to full
   * relative precision.
   */
  static double below(double x) {
    if (Math.abs(x) < SERIES_BELOW) {
      double term = x;
      double sum = x;
      for (int k = 1; k < SERIES_TERMS && Math.abs(term) > 1e-18; k++) {
        term *= x * x / (2 * k + 1);
        sum += term;
      }
      return 0.5 + density(x) * sum;
    }
    if (Double.isInfinite(x)) {
      return x > 0 ? 1 : 0;
    }
    double size = Math.abs(x);
    double fraction = size;
    for (int k = FRACTION_TERMS; k >= 1; k--) {
      fraction = size + k / fraction;
    }
    double tail = density(x) / fraction;
    return x < 0 ? tail : 1 - tail;
  }
}
