package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The fixed point of a masked sum: a term is the integer nearest to weight x value x 2^bits, and
 * sums are taken modulo 2^32, which is where masks are uniform. Bits are the most for which no sum
 * of all weights at the largest value leaves an int, so that the sum modulo 2^32 is the sum.
 *
 * @param bits binary digits behind the point
 * @param largest values beyond this are refused, never saturated; finite, above 0
 * @param totalWeight bound of the sum of weights
 */
record MaskedScale(int bits, float largest, long totalWeight) {
  /** A value at the largest must be worth so many units, or the sum is of no use. */
  private static final int LEAST_RESOLUTION = 128;

  MaskedScale {
    if (!(largest > 0 && largest <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("largest value is " + largest + ", expected above 0");
    }
    SettingCheck.range("total weight", totalWeight, 1, Integer.MAX_VALUE);
    // Of w x 2^bits, w floor(x 2^bits) + w is beyond the rounded one, whatever the weight.
    double term = Math.floor(largest * Math.scalb(1.0, bits)) + 1;
    if (!(term > LEAST_RESOLUTION && term * totalWeight <= Integer.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "values up to "
              + largest
              + " with weights of "
              + totalWeight
              + " together and "
              + bits
              + " bits reach "
              + term * totalWeight
              + ", expected at most 2^31 - 1 and "
              + LEAST_RESOLUTION
              + " or more for a weight of 1");
    }
  }

  /**
   * The finest scale for these bounds.
   *
   * @throws IllegalArgumentException when even that is too coarse: fewer clients or smaller weights
   *     are needed
   */
  static MaskedScale finest(float largest, long totalWeight) {
    int bits = Integer.SIZE - Math.getExponent(largest);
    for (; bits > -Float.MAX_EXPONENT; bits--) {
      if ((Math.floor(largest * Math.scalb(1.0, bits)) + 1) * totalWeight <= Integer.MAX_VALUE) {
        break;
      }
    }
    return new MaskedScale(bits, largest, totalWeight);
  }

  /** What an integer of 1 is worth. */
  double unit() {
    return Math.scalb(1.0, -bits);
  }

  /**
   * The terms of a chunk; ties go to the even integer.
   *
   * @param x not modified
   * @param weight 1 or more
   * @throws IllegalArgumentException for a value beyond the largest or not finite
   */
  int[] terms(float[] x, int weight) {
    SettingCheck.range("weight", weight, 1, totalWeight);
    double factor = weight * Math.scalb(1.0, bits);
    int[] terms = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      if (!(Math.abs(x[i]) <= largest)) {
        throw new IllegalArgumentException(
            "value is "
                + x[i]
                + " at coordinate "
                + i
                + ", expected at most "
                + largest
                + " in size");
      }
      terms[i] = (int) Math.rint(x[i] * factor);
    }
    return terms;
  }
}
