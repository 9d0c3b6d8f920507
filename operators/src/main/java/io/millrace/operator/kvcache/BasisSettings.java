package io.millrace.operator.kvcache;

import io.millrace.operator.SettingCheck;

/**
 * Settings of {@link BasisLearning}.
 *
 * @param schedule when versions are published
 * @param referenceBits bits a value at which coding gains are measured, 0.5 to 8
 * @param maximumBits the highest rate of transform pages: components that are too small to be coded
 *     at it are not published, 0.5 to 8
 * @param budget of the heads
 * @param dictionary of dictionary pages
 * @param maximumChannels widest token that is learned from, 1 to 4096: a version of a thousand
 *     channels takes its task above a second, of two thousand above ten, which is longer than a
 *     transaction of Kafka Streams may last by default
 */
public record BasisSettings(
    Schedule schedule,
    double referenceBits,
    double maximumBits,
    Budget budget,
    HeadDictionary dictionary,
    int maximumChannels) {

  /**
   * @throws IllegalArgumentException if a value is out of range
   */
  public BasisSettings {
    SettingCheck.range(
        "learning.reference-bits",
        referenceBits,
        LearnedTransform.SMALLEST_RATE,
        LearnedTransform.LARGEST_RATE);
    SettingCheck.range(
        "learning.maximum-bits",
        maximumBits,
        LearnedTransform.SMALLEST_RATE,
        LearnedTransform.LARGEST_RATE);
    SettingCheck.range(
        "learning.maximum-channels", maximumChannels, 1, TransformBasis.MAXIMUM_CHANNELS);
  }

  /** What suits most models. */
  public static BasisSettings defaults() {
    return new BasisSettings(
        new Schedule(0, 0, 0, 0.05),
        2,
        4,
        new Budget(4, false),
        new HeadDictionary(0, 4, 32),
        1024);
  }

  /**
   * When versions are published. Numbers of tokens are rounded up to multiples of {@value
   * BasisState#BLOCK}.
   *
   * @param minimumTokens before the first version; 0: 10 a channel
   * @param intervalTokens between the gain's measurements; 0: 10 a channel
   * @param halfLifeTokens after so many a token counts half; 0: 20 a channel
   * @param gainBits bits a value that a new version must save, above 0, at most 8
   */
  public record Schedule(
      long minimumTokens, long intervalTokens, long halfLifeTokens, double gainBits) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Schedule {
      SettingCheck.range("learning.minimum-tokens", minimumTokens, 0, 1L << 40);
      SettingCheck.range("learning.interval-tokens", intervalTokens, 0, 1L << 40);
      SettingCheck.range("learning.half-life-tokens", halfLifeTokens, 0, 1L << 40);
      SettingCheck.range("learning.gain-bits", gainBits, 1e-6, 8);
    }

    long minimum(int channels) {
      return minimumTokens == 0 ? 10L * channels : minimumTokens;
    }

    long interval(int channels) {
      return intervalTokens == 0 ? 10L * channels : intervalTokens;
    }

    double halfLife(int channels) {
      return halfLifeTokens == 0 ? 20.0 * channels : halfLifeTokens;
    }
  }

  /**
   * Bits of the heads.
   *
   * @param totalBits mean bits a value, 1 to 8
   * @param byEntropy in the proportion of truncated matrix entropies; else by one water level
   */
  public record Budget(double totalBits, boolean byEntropy) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Budget {
      SettingCheck.range("learning.budget.bits", totalBits, 1, 8);
    }
  }

  /**
   * The dictionary of a layer's heads.
   *
   * @param atoms N, 1 to 4096; 0: none is learned
   * @param coefficients atoms of a head's vector while learning, 1 to 64
   * @param vectors of each {@value BasisState#BLOCK} tokens that it learns from, at most: bounds
   *     its cost, 1 to 65,536
   */
  public record HeadDictionary(int atoms, int coefficients, int vectors) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public HeadDictionary {
      SettingCheck.range("learning.dictionary.atoms", atoms, 0, 4096);
      SettingCheck.range("learning.dictionary.coefficients", coefficients, 1, 64);
      SettingCheck.range("learning.dictionary.vectors", vectors, 1, 65_536);
    }
  }
}
