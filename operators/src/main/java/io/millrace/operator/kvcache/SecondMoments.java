package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Decayed first and second moments of vectors: what a basis is learned from. Additive, so that
 * moments of several tasks merge by {@link #add}. Products are formed in float in blocks of tokens
 * and summed in double, the upper triangle alone.
 *
 * <pre>
 * weight    8
 * sums      8 c
 * products  8 c (c + 1) / 2, rows of the upper triangle; little endian
 * </pre>
 *
 * <p>Memory as these bytes; c^2 multiply-adds a vector. One thread.
 */
final class SecondMoments {
  private static final int BLOCK = 64;

  private final int channels;
  private final double[] sums;
  private final double[] products;
  private double weight;

  /** Memory for products of a block: 4 c (c + 64) bytes. May serve many moments of one thread. */
  static final class Scratch {
    private final GemmScratch packed = new GemmScratch();
    private float[] transposed = new float[0];
    private float[] gram = new float[0];

    private void reserve(int channels) {
      if (gram.length < channels * channels) {
        transposed = new float[BLOCK * channels];
        gram = new float[channels * channels];
      }
    }
  }

  /**
   * @param channels c, 1 to {@link TransformBasis#MAXIMUM_CHANNELS}
   */
  SecondMoments(int channels) {
    this.channels = channels;
    this.sums = new double[channels];
    this.products = new double[channels * (channels + 1) / 2];
  }

  int channels() {
    return channels;
  }

  /** Vectors counted, each by its decayed weight. */
  double weight() {
    return weight;
  }

  /** Adds vectors with scratch memory of its own. */
  void observe(float[] vectors, int from, int count) {
    observe(vectors, from, count, new Scratch());
  }

  /**
   * Adds vectors.
   *
   * @param vectors [count x c] from {@code from}, finite; not modified
   * @param scratch overwritten
   */
  void observe(float[] vectors, int from, int count, Scratch scratch) {
    scratch.reserve(channels);
    float[] gram = scratch.gram;
    for (int first = 0; first < count; first += BLOCK) {
      int here = Math.min(BLOCK, count - first);
      int start = from + first * channels;
      Kernels.transpose(vectors, start, scratch.transposed, 0, here, channels);
      Arrays.fill(gram, 0, channels * channels, 0f);
      Kernels.gramAdd(
          scratch.transposed, 0, vectors, start, gram, 0, channels, here, scratch.packed);
      int to = 0;
      for (int i = 0; i < channels; i++) {
        for (int cell = i * channels + i; cell < (i + 1) * channels; cell++) {
          products[to++] += gram[cell];
        }
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
    return weight == 0 ? 0 : products[row(i)] / weight;
  }

  /** The covariance matrix, [c x c]. */
  double[] covariance() {
    return covariance(0, channels);
  }

  /**
   * The covariance matrix of some channels.
   *
   * @param first of them
   * @param count n
   * @return [n x n]
   */
  double[] covariance(int first, int count) {
    double[] covariance = new double[count * count];
    for (int i = 0; i < count; i++) {
      int row = row(first + i) - i;
      for (int j = i; j < count; j++) {
        double value = products[row + j] / weight - mean(first + i) * mean(first + j);
        covariance[i * count + j] = value;
        covariance[j * count + i] = value;
      }
    }
    return covariance;
  }

  /** Bytes that {@link #encode} writes. */
  int encodedBytes() {
    return Double.BYTES * (1 + sums.length + products.length);
  }

  void encode(ByteBuffer out) {
    out.putDouble(weight);
    put(out, sums);
    put(out, products);
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException for missing bytes, or numbers that are not finite
   */
  static SecondMoments decode(ByteBuffer in, int channels) {
    long bytes = Double.BYTES * (1 + channels + (long) channels * (channels + 1) / 2);
    StateHeader.need(in, bytes);
    SecondMoments moments = new SecondMoments(channels);
    moments.weight = in.getDouble();
    get(in, moments.sums);
    get(in, moments.products);
    if (!(moments.weight >= 0 && moments.weight <= Double.MAX_VALUE)) {
      throw new IllegalArgumentException("moments have weight " + moments.weight);
    }
    return moments;
  }

  /** Where row i of the upper triangle begins, at its diagonal. */
  private int row(int i) {
    return i * channels - i * (i - 1) / 2;
  }

  private static void put(ByteBuffer out, double[] values) {
    out.asDoubleBuffer().put(values);
    out.position(out.position() + Double.BYTES * values.length);
  }

  private static void get(ByteBuffer in, double[] values) {
    in.asDoubleBuffer().get(values);
    in.position(in.position() + Double.BYTES * values.length);
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException("moments hold " + value + ", expected finite values");
      }
    }
  }
}
