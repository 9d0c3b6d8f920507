package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The fixed point of a round's sums: a term is the integer nearest to weight x value x 2^bits. Bits
 * are the most for which no term reaches 2^51, the limit of the exact kernel, and no sum of all
 * weights at the largest value reaches 2^62.
 *
 * @param bits binary digits behind the point, -1000 to 1000
 * @param largest values beyond this are refused; finite, above 0
 * @param largestWeight of one term, 1 to 2^28, so that weight times value is exact in double
 * @param totalWeight of all terms, at least {@code largestWeight}, below 2^52
 */
record FixedPointScale(int bits, float largest, int largestWeight, long totalWeight) {
  private static final int TERM_BITS = 51;
  private static final int SUM_BITS = 62;

  FixedPointScale {
    if (!(largest > 0 && largest <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("largest value is " + largest + ", expected above 0");
    }
    SettingCheck.range("largest weight", largestWeight, 1, 1 << 28);
    SettingCheck.range("total weight", totalWeight, largestWeight, (1L << 52) - 1);
    SettingCheck.range("fixed-point bits", bits, -1000, most(largest, largestWeight, totalWeight));
  }

  /** The finest scale for these bounds. */
  static FixedPointScale finest(float largest, int largestWeight, long totalWeight) {
    return new FixedPointScale(
        most(largest, largestWeight, totalWeight), largest, largestWeight, totalWeight);
  }

  private static int most(float largest, int largestWeight, long totalWeight) {
    // Strictly below 2^51 and 2^62: an exponent counts the power of two above the number.
    int term = TERM_BITS - exponent((double) largest * largestWeight);
    int sum = SUM_BITS - exponent((double) largest * totalWeight);
    return Math.min(term, sum);
  }

  /** Smallest e with x below 2^e. */
  private static int exponent(double x) {
    return Math.getExponent(x) + 1;
  }

  /** What an integer of 1 is worth. */
  double unit() {
    return Math.scalb(1.0, -bits);
  }
}
