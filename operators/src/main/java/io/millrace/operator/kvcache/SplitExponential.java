package io.millrace.operator.kvcache;

/**
 * exp(x) as a mantissa near one and a whole power of two, so that sums of exponentials need no
 * maximum in advance and never overflow (two-pass softmax: Dukhan, Ablavatski, 2020, arXiv
 * 2001.04438). The power n is the whole number next to x / ln 2; what is left, x - n ln 2 with ln 2
 * in two parts, goes through the series of degree 7, whose error below 6e-9 is under half a unit in
 * the last place. Multiplications, additions and fma alone: the same bits everywhere.
 */
final class SplitExponential {
  /** Largest size of an argument. */
  static final float LIMIT = 1 << 16;

  private static final float PER_LN_2 = 1.44269504f;
  private static final float LN_2 = 0.69314718f;
  // ln 2 less the float above
  private static final float LN_2_REST = -1.9046543e-9f;
  // adding and taking it away rounds to a whole number: no float to int conversion in the loop
  private static final float ROUNDING = 1.5f * (1 << 23);

  private SplitExponential() {}

  /**
   * Splits exponentials: exp(x[i]) = mantissas[i] x 2^exponents[i], mantissas 0.70 to 1.43.
   *
   * @param x from {@code from}, each at most {@link #LIMIT} in size
   * @param mantissas from 0, overwritten; may be x where {@code from} is 0
   * @param exponents from 0, whole numbers, overwritten
   * @return the largest exponent
   */
  static int split(float[] x, int from, int length, float[] mantissas, float[] exponents) {
    for (int i = 0; i < length; i++) {
      float n = Math.fma(x[from + i], PER_LN_2, ROUNDING) - ROUNDING;
      float t = Math.fma(-n, LN_2_REST, Math.fma(-n, LN_2, x[from + i]));
      float series = Math.fma(t, 1f / 5040, 1f / 720);
      series = Math.fma(t, series, 1f / 120);
      series = Math.fma(t, series, 1f / 24);
      series = Math.fma(t, series, 1f / 6);
      series = Math.fma(t, series, 0.5f);
      series = Math.fma(t, series, 1f);
      mantissas[i] = Math.fma(t, series, 1f);
      exponents[i] = n;
    }
    float largest = -2 * LIMIT;
    for (int i = 0; i < length; i++) {
      largest = exponents[i] > largest ? exponents[i] : largest;
    }
    return (int) largest;
  }

  /**
   * Numbers in units of 2^unit; what is below 2^-126 of it becomes 0.
   *
   * @param mantissas turned into mantissas[i] x 2^(exponents[i] - unit)
   * @param unit at least the largest exponent
   */
  static void join(float[] mantissas, float[] exponents, int length, int unit) {
    for (int i = 0; i < length; i++) {
      int shift = (int) exponents[i] - unit;
      // exponent bits 0 are the float 0
      mantissas[i] *= Float.intBitsToFloat(Math.max(shift + 127, 0) << 23);
    }
  }
}
