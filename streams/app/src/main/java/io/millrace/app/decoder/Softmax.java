package io.millrace.app.decoder;

/** Exponentials with the same bits everywhere. */
final class Softmax {
  private static final double LOG2_E = 1.4426950408889634;
  private static final double LN2 = 0.6931471805599453;

  /** 1/i!, i = 9 down to 0: the series is exact to 1e-12 for half a binary order. */
  private static final double[] SERIES = {
    1 / 362880.0, 1 / 40320.0, 1 / 5040.0, 1 / 720.0, 1 / 120.0, 1 / 24.0, 1 / 6.0, 0.5, 1, 1
  };

  private Softmax() {}

  /** e^x to 1e-11 for x of -700 to 700; 0 below, infinity above. */
  static double exp(double x) {
    if (x < -700) {
      return 0;
    }
    if (x > 700) {
      return Double.POSITIVE_INFINITY;
    }
    double power = Math.rint(x * LOG2_E);
    double rest = x - power * LN2;
    double sum = SERIES[0];
    for (int i = 1; i < SERIES.length; i++) {
      sum = sum * rest + SERIES[i];
    }
    return sum * Double.longBitsToDouble(1023L + (long) power << 52);
  }

  /**
   * Turns scores into weights that sum to 1.
   *
   * @param scores first {@code count} used, modified
   */
  static void weigh(float[] scores, int count) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      largest = Math.max(largest, scores[i]);
    }
    double sum = 0;
    for (int i = 0; i < count; i++) {
      double weight = exp((double) scores[i] - largest);
      scores[i] = (float) weight;
      sum += weight;
    }
    float inverse = (float) (1 / sum);
    for (int i = 0; i < count; i++) {
      scores[i] *= inverse;
    }
  }
}
