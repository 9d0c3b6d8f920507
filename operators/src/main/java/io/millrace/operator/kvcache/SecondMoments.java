package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * Decayed first and second moments of vectors: what a basis is learned from. Additive, so that
 * moments of several tasks merge by {@link #add}. Products are formed in float in blocks of tokens
 * and summed in double.
 *
 * <p>Memory 8 c^2 + 8 c bytes; c^2 multiply-adds a vector.
 */
final class SecondMoments {
  private static final int BLOCK = 64;

  private final int channels;
  private final double[] sums;
  private final double[] products;
  private double weight;
  private final GemmScratch scratch = new GemmScratch();
  private float[] transposed = new float[0];
  private float[] gram = new float[0];

  /**
   * @param channels c, at least 1
   */
  SecondMoments(int channels) {
    this.channels = channels;
    this.sums = new double[channels];
    this.products = new double[channels * channels];
  }

  int channels() {
    return channels;
  }

  /** Vectors counted, each by its decayed weight. */
  double weight() {
    return weight;
  }

  /**
   * Adds vectors.
   *
   * @param vectors [count x c] from {@code from}, finite; not modified
   */
  void observe(float[] vectors, int from, int count) {
    if (gram.length == 0) {
      transposed = new float[BLOCK * channels];
      gram = new float[channels * channels];
    }
    for (int first = 0; first < count; first += BLOCK) {
      int here = Math.min(BLOCK, count - first);
      int start = from + first * channels;
      Kernels.transpose(vectors, start, transposed, 0, here, channels);
      Arrays.fill(gram, 0f);
      Kernels.gramAdd(transposed, 0, vectors, start, gram, 0, channels, here, scratch);
      for (int i = 0; i < gram.length; i++) {
        products[i] += gram[i];
      }
      for (int i = 0; i < here * channels; i++) {
        sums[i % channels] += vectors[start + i];
      }
    }
    weight += count;
  }

  /**
   * Scales what was seen so far, so that newer vectors count more.
   *
   * @param factor above 0, at most 1
   */
  void decay(double factor) {
    weight *= factor;
    for (int i = 0; i < channels; i++) {
      sums[i] *= factor;
    }
    for (int i = 0; i < products.length; i++) {
      products[i] *= factor;
    }
  }

  /**
   * Adds the moments of another task.
   *
   * @param other of the same number of channels; not modified
   */
  void add(SecondMoments other) {
    if (other.channels != channels) {
      throw new IllegalArgumentException(
          "moments have " + other.channels + " channels, expected " + channels);
    }
    weight += other.weight;
    for (int i = 0; i < channels; i++) {
      sums[i] += other.sums[i];
    }
    for (int i = 0; i < products.length; i++) {
      products[i] += other.products[i];
    }
  }

  /** Mean of channel {@code i}; 0 before the first vector. */
  double mean(int i) {
    return weight == 0 ? 0 : sums[i] / weight;
  }

  /** Mean square of channel {@code i} about zero; 0 before the first vector. */
  double meanSquare(int i) {
    return weight == 0 ? 0 : products[i * channels + i] / weight;
  }

  /** The covariance matrix, [c x c]. */
  double[] covariance() {
    double[] covariance = new double[products.length];
    for (int i = 0; i < channels; i++) {
      for (int j = 0; j < channels; j++) {
        covariance[i * channels + j] = products[i * channels + j] / weight - mean(i) * mean(j);
      }
    }
    return covariance;
  }
}
