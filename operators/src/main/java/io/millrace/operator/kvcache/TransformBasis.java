package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.RotaryPosition;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A learned transform for the tokens of one (model, layer, keys or values) over all heads: mean,
 * principal components and their deviations. It fixes no rate: {@link ComponentTables} finds the
 * step and the tables for one.
 *
 * <p>Mean, components and channel sizes are halves, as the wire has them, so that who learned a
 * basis and who read it code the same bytes. 4 c (r + 2) + 4 r bytes. Immutable: arrays are the
 * basis's own and must not be modified.
 *
 * <p>Sources: KL transform and reverse water-filling (Cover, Thomas, 2006, section 10.3); its use
 * on keys and values KVTC (Staniszewski, Lancucki, 2025, arXiv 2511.01815), which calibrates once
 * and over all layers.
 */
public final class TransformBasis implements Models.Model {
  /** Channels of a token, and values of all components, at most. */
  static final int MAXIMUM_CHANNELS = 4096;

  static final int MAXIMUM_VALUES = MAXIMUM_CHANNELS * MAXIMUM_CHANNELS;

  private final String id;
  private final long version;
  private final Vectors vectors;
  private final float[] mean;
  private final float[] channelDeviations;
  private final float[] deviations;
  private final float[] components;
  private final ConcurrentHashMap<Double, ComponentTables> tables = new ConcurrentHashMap<>();

  /**
   * The vectors that a basis is for.
   *
   * @param heads h
   * @param headDimension d
   * @param rotary state BEFORE or NONE; not to be modified
   */
  record Vectors(int heads, int headDimension, RotaryPosition rotary) {
    /**
     * @throws IllegalArgumentException unless there are 1 to {@link #MAXIMUM_CHANNELS} channels
     */
    Vectors {
      if (heads < 1
          || headDimension < 1
          || heads > MAXIMUM_CHANNELS
          || headDimension > MAXIMUM_CHANNELS / heads) {
        throw new IllegalArgumentException(
            "basis is for "
                + heads
                + " heads of "
                + headDimension
                + " channels, expected 1 to "
                + MAXIMUM_CHANNELS
                + " in all");
      }
    }

    int channels() {
      return heads * headDimension;
    }
  }

  /**
   * Keeps its arrays; see the accessors for their shapes.
   *
   * @throws IllegalArgumentException for arrays that do not fit, values that are not finite, or
   *     deviations that rise
   */
  TransformBasis(
      String id,
      long version,
      Vectors vectors,
      float[] mean,
      float[] channelDeviations,
      float[] deviations,
      float[] components) {
    int c = vectors.channels();
    if (mean.length != c
        || channelDeviations.length != c
        || deviations.length < 1
        || deviations.length > c
        || components.length != deviations.length * c) {
      throw new IllegalArgumentException(
          "basis of "
              + c
              + " channels has "
              + mean.length
              + " means, "
              + channelDeviations.length
              + " channel deviations, "
              + deviations.length
              + " deviations, "
              + components.length
              + " values");
    }
    requireFinite(mean);
    requireFinite(channelDeviations);
    requireFinite(components);
    float above = Float.MAX_VALUE;
    for (float deviation : deviations) {
      if (!(deviation >= 0 && deviation <= above)) {
        throw new IllegalArgumentException(
            "deviation is " + deviation + ", expected 0 to " + above + ", the one before");
      }
      above = deviation;
    }
    this.id = id;
    this.version = version;
    this.vectors = vectors;
    this.mean = mean;
    this.channelDeviations = channelDeviations;
    this.deviations = deviations;
    this.components = components;
  }

  /**
   * Learns a basis.
   *
   * @param moments of at least two vectors
   * @param maximumBits rate at which components that are too small to be coded are left out
   */
  static TransformBasis learn(
      String id, long version, Vectors vectors, SecondMoments moments, double maximumBits) {
    int c = moments.channels();
    SymmetricEigen.Decomposition eigen = SymmetricEigen.of(moments.covariance(), c);
    float[] all = new float[c];
    for (int j = 0; j < c; j++) {
      all[j] = (float) Math.sqrt(Math.max(0, eigen.values()[j]));
    }
    int componentCount =
        Math.max(1, ComponentTables.of(all, ComponentTables.step(all, c, maximumBits)).count());
    float[] mean = new float[c];
    float[] channelDeviations = new float[c];
    for (int i = 0; i < c; i++) {
      mean[i] = half(moments.mean(i));
      channelDeviations[i] = half(Math.sqrt(moments.meanSquare(i)));
    }
    float[] deviations = Arrays.copyOf(all, componentCount);
    float[] components = new float[componentCount * c];
    for (int j = 0; j < componentCount; j++) {
      for (int i = 0; i < c; i++) {
        components[j * c + i] = half(eigen.vectors()[j][i]);
      }
    }
    return new TransformBasis(
        id, version, vectors, mean, channelDeviations, deviations, components);
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public long version() {
    return version;
  }

  /** What it is for. */
  Vectors vectors() {
    return vectors;
  }

  /** c, channels of a token. */
  int channels() {
    return mean.length;
  }

  /** r. */
  int componentCount() {
    return deviations.length;
  }

  /** [c]. */
  float[] mean() {
    return mean;
  }

  /** [c]: root mean square of each channel about zero. */
  float[] channelDeviations() {
    return channelDeviations;
  }

  /** [r], falling: standard deviation along each component. */
  float[] deviations() {
    return deviations;
  }

  /** [r x c], a component of norm 1 in each row. */
  float[] components() {
    return components;
  }

  /**
   * Step and tables of a rate, found once: that takes some milliseconds.
   *
   * @param bitsPerValue one of a few
   */
  ComponentTables tables(double bitsPerValue) {
    return tables.computeIfAbsent(
        bitsPerValue,
        bits -> ComponentTables.of(deviations, ComponentTables.step(deviations, channels(), bits)));
  }

  @Override
  public String toString() {
    return id + "@" + version + " [" + componentCount() + " of " + channels() + "]";
  }

  private static void requireFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("basis holds " + value + ", expected finite values");
      }
    }
  }

  private static float half(double value) {
    return Float16.decode(Float16.encode((float) value));
  }
}
