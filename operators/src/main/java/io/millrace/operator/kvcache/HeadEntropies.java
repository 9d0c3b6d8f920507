package io.millrace.operator.kvcache;

import java.util.Arrays;

/**
 * What the heads of a layer hold, from their second moments, and bits for each at a fixed mean.
 *
 * <p>Truncated matrix entropy (UNComp, Xiong et al., 2024, arXiv 2410.03090): with eigenvalues e_i
 * of a head's covariance over their sum, H_k = -sum over i &lt;= k of e_i ln e_i / ln d. Other than
 * there, tokens are not scaled to unit length, since moments are all that is kept, and keys are
 * asked, not queries. Independent equal channels have H_d = 1, one direction 0.
 *
 * <p>4 d^3 multiply-adds a head.
 */
final class HeadEntropies {
  private static final double LEAST_EIGENVALUE = 1e-10;
  private static final float LEAST_BITS = 1;
  private static final float MOST_BITS = 8;

  private final int headDimension;

  /** [h][d], falling. */
  private final double[][] variances;

  /**
   * @param moments of the layer's keys or values
   */
  HeadEntropies(SecondMoments moments, int heads, int headDimension) {
    this.headDimension = headDimension;
    this.variances = new double[heads][];
    for (int head = 0; head < heads; head++) {
      double[] values =
          SymmetricEigen.of(moments.covariance(head * headDimension, headDimension), headDimension)
              .values();
      for (int i = 0; i < headDimension; i++) {
        values[i] = Math.max(0, values[i]);
      }
      variances[head] = values;
    }
  }

  /**
   * Truncated matrix entropy of each head, 0 to 1.
   *
   * @param k eigenvalues that count, 1 to d
   */
  float[] entropies(int k) {
    float[] entropies = new float[variances.length];
    for (int head = 0; head < entropies.length; head++) {
      double sum = 0;
      for (double variance : variances[head]) {
        sum += variance;
      }
      double entropy = 0;
      for (int i = 0; i < k && sum > 0; i++) {
        double share = variances[head][i] / sum + LEAST_EIGENVALUE;
        entropy -= share * StrictMath.log(share);
      }
      entropies[head] =
          headDimension == 1
              ? 0
              : (float) Math.max(0, Math.min(1, entropy / StrictMath.log(headDimension)));
    }
    return entropies;
  }

  /**
   * Bits a value of each head by one water level over all of them.
   *
   * @param totalBits mean bits a value
   */
  float[] waterBits(double totalBits) {
    int d = headDimension;
    double[] all = new double[variances.length * d];
    for (int head = 0; head < variances.length; head++) {
      System.arraycopy(variances[head], 0, all, head * d, d);
    }
    Arrays.sort(all);
    double[] falling = new double[all.length];
    for (int i = 0; i < all.length; i++) {
      falling[i] = all[all.length - 1 - i];
    }
    double level = waterLevel(falling, totalBits * all.length);
    float[] bits = new float[variances.length];
    for (int head = 0; head < bits.length; head++) {
      double sum = 0;
      for (double variance : variances[head]) {
        sum += variance > level ? StrictMath.log(variance / level) / StrictMath.log(2) / 2 : 0;
      }
      bits[head] = (float) (sum / d);
    }
    return bits;
  }

  /**
   * Bits in the proportion of weights, each {@value #LEAST_BITS} to {@value #MOST_BITS}, whose mean
   * is as wanted.
   *
   * @param weights at least 0
   * @param totalBits within the same bounds
   */
  static float[] budget(float[] weights, double totalBits) {
    double low = 0;
    double high = 1e12;
    float[] bits = new float[weights.length];
    for (int i = 0; i < 200; i++) {
      double middle = (low + high) / 2;
      double sum = 0;
      for (int head = 0; head < bits.length; head++) {
        // heads that hold nothing share evenly what the others cannot use
        double wanted = middle * Math.max(weights[head], 1e-9);
        bits[head] = (float) Math.max(LEAST_BITS, Math.min(MOST_BITS, wanted));
        sum += bits[head];
      }
      if (sum < totalBits * bits.length) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return bits;
  }

  /**
   * The level at which sum over j of max(0, log2(variance_j / level) / 2) is {@code bits}.
   *
   * @param variances by falling size
   */
  static double waterLevel(double[] variances, double bits) {
    double floor = Math.max(variances[0] * 1e-12, Double.MIN_NORMAL);
    double logarithms = 0;
    double level = floor;
    for (int kept = 1; kept <= variances.length; kept++) {
      if (variances[kept - 1] <= floor) {
        break;
      }
      logarithms += StrictMath.log(variances[kept - 1]);
      level = StrictMath.exp((logarithms - 2 * bits * StrictMath.log(2)) / kept);
      if (kept == variances.length || variances[kept] <= level) {
        break;
      }
    }
    return Math.max(level, floor);
  }
}
