package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * The weighted sum of one chunk over clients in 64-bit fixed point. Each term is rounded alone and
 * integers add in any order, so that arrival order, partitioning, merging and taking a client back
 * out leave no trace in the bits; float and even double sums do not have that.
 *
 * <p>8 bytes a coordinate. A rounding error is at most half a {@link FixedPointScale#unit} a
 * client. One thread.
 */
final class FixedPointSum {
  /** Coordinates checked and then added while they are in the first-level cache. */
  private static final int BLOCK = 4096;

  private final FixedPointScale scale;
  private final long[] sum;
  private long weight;

  FixedPointSum(int length, FixedPointScale scale) {
    this.sum = new long[length];
    this.scale = scale;
  }

  FixedPointScale scale() {
    return scale;
  }

  int length() {
    return sum.length;
  }

  /** Weights added and not taken back. */
  long weight() {
    return weight;
  }

  /**
   * Adds a client's chunk.
   *
   * @param x at least {@link #length} from {@code from} on, not modified
   * @param clientWeight 1 to the scale's largest
   * @throws IllegalArgumentException for a value beyond the scale's largest or not finite, or a
   *     weight beyond its bounds; nothing is added then
   */
  void add(float[] x, int from, int clientWeight) {
    requireWeight(clientWeight, weight);
    addTerms(x, from, factor(clientWeight));
    weight += clientWeight;
  }

  /**
   * Adds the chunks of many clients, which are read together: the same integers as {@link #add} of
   * each, at about half the price.
   *
   * @param rows one array a client, each at least {@link #length} from {@code from} on
   * @param clientWeights one a row, 1 to the scale's largest
   * @throws IllegalArgumentException as {@link #add}; nothing is added then
   */
  void addAll(float[][] rows, int from, int[] clientWeights) {
    long together = weight;
    double[] factors = new double[clientWeights.length];
    for (int row = 0; row < clientWeights.length; row++) {
      requireWeight(clientWeights[row], together);
      together += clientWeights[row];
      factors[row] = factor(clientWeights[row]);
    }
    long[] before = new long[Math.min(BLOCK, sum.length)];
    for (int block = 0; block < sum.length; block += BLOCK) {
      int length = Math.min(BLOCK, sum.length - block);
      System.arraycopy(sum, block, before, 0, length);
      float most =
          Kernels.addFixed(rows, factors.length, from + block, factors, sum, block, length);
      if (!(most <= scale.largest())) {
        System.arraycopy(before, 0, sum, block, length);
        for (int row = 0; row < factors.length; row++) {
          Kernels.addFixed(rows[row], from, -factors[row], sum, 0, block);
        }
        for (int row = 0; row < factors.length; row++) {
          requireSize(rows[row], from, block, length);
        }
      }
    }
    weight = together;
  }

  /**
   * Takes a chunk back that was added with this weight: the sum is as if it had never come.
   *
   * @throws IllegalArgumentException for values or a weight that cannot have been added
   */
  void subtract(float[] x, int from, int clientWeight) {
    if (clientWeight < 1 || clientWeight > Math.min(weight, scale.largestWeight())) {
      throw new IllegalArgumentException(
          "weight to take back is "
              + clientWeight
              + ", expected 1 to "
              + Math.min(weight, scale.largestWeight()));
    }
    addTerms(x, from, -factor(clientWeight));
    weight -= clientWeight;
  }

  /**
   * Adds noise, each value rounded to the grid: the sum stays free of order.
   *
   * @param noise [length], together with all terms within the scale's bounds
   */
  void addNoise(double[] noise) {
    double factor = Math.scalb(1.0, scale.bits());
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.addExact(sum[i], (long) Math.rint(noise[i] * factor));
    }
  }

  /**
   * Adds another part of the same sum.
   *
   * @throws IllegalArgumentException for another length or scale, or too much weight together;
   *     nothing is added then
   */
  void merge(FixedPointSum other) {
    if (other.sum.length != sum.length || !other.scale.equals(scale)) {
      throw new IllegalArgumentException(
          "sum of "
              + other.sum.length
              + " with "
              + other.scale
              + ", expected "
              + sum.length
              + " with "
              + scale);
    }
    if (weight + other.weight > scale.totalWeight()) {
      throw new IllegalArgumentException(
          "weights are "
              + weight
              + " and "
              + other.weight
              + ", expected at most "
              + scale.totalWeight()
              + " together");
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other.sum[i];
    }
    weight += other.weight;
  }

  /** The sum of coordinate i, its fixed-point integer rounded to double. */
  double total(int i) {
    return sum[i] * scale.unit();
  }

  /**
   * Adds factor times the sum to a vector.
   *
   * @param out [length], modified
   */
  void addTo(double[] out, double factor) {
    double unit = scale.unit() * factor;
    for (int i = 0; i < sum.length; i++) {
      out[i] += sum[i] * unit;
    }
  }

  /**
   * The weighted mean.
   *
   * @param out [length], overwritten
   * @throws IllegalStateException when nothing was added
   */
  void mean(double[] out) {
    if (weight == 0) {
      throw new IllegalStateException("mean of no terms");
    }
    for (int i = 0; i < sum.length; i++) {
      out[i] = sum[i] * scale.unit() / weight;
    }
  }

  /** Whether both hold the same integers: the audit of a running sum against its parts. */
  boolean sameBits(FixedPointSum other) {
    return weight == other.weight && scale.equals(other.scale) && Arrays.equals(sum, other.sum);
  }

  /** Empties the sum for the next round of the same scale. */
  void clear() {
    Arrays.fill(sum, 0);
    weight = 0;
  }

  private void requireWeight(int clientWeight, long before) {
    if (clientWeight < 1 || clientWeight > scale.largestWeight()) {
      throw new IllegalArgumentException(
          "weight is " + clientWeight + ", expected 1 to " + scale.largestWeight());
    }
    if (before + clientWeight > scale.totalWeight()) {
      throw new IllegalArgumentException(
          "weight is "
              + clientWeight
              + " on top of "
              + before
              + ", expected at most "
              + scale.totalWeight()
              + " together");
    }
  }

  private double factor(int clientWeight) {
    return clientWeight * Math.scalb(1.0, scale.bits());
  }

  /** Adds block by block; a bad value has the blocks before it taken back, which is exact. */
  private void addTerms(float[] x, int from, double factor) {
    for (int block = 0; block < sum.length; block += BLOCK) {
      int length = Math.min(BLOCK, sum.length - block);
      try {
        requireSize(x, from, block, length);
      } catch (IllegalArgumentException e) {
        Kernels.addFixed(x, from, -factor, sum, 0, block);
        throw e;
      }
      Kernels.addFixed(x, from + block, factor, sum, block, length);
    }
  }

  private void requireSize(float[] x, int from, int block, int length) {
    int worst = Kernels.argmaxAbs(x, from + block, length);
    float value = x[from + block + worst];
    if (!(Math.abs(value) <= scale.largest())) {
      throw new IllegalArgumentException(
          "value is "
              + value
              + " at coordinate "
              + (block + worst)
              + ", expected at most "
              + scale.largest()
              + " in size");
    }
  }
}
