package io.millrace.operator.federated;

/**
 * Random numbers by counter: number i of a seed is the same everywhere and costs the same whether
 * or not those before it were drawn. SplitMix64 (Steele, Lea, Flood, 2014). Predictable to who
 * knows some of them: for public choices such as a round's buckets and sketches, never for privacy.
 */
final class SeededBits {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private SeededBits() {}

  /** 64 random bits. */
  static long at(long seed, long index) {
    long z = seed + (index + 1) * GOLDEN;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  /** A seed of its own for a part of what a seed is for. */
  static long seed(long seed, long part) {
    return at(seed ^ 0x6A09E667F3BCC908L, part);
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  static double uniform(long seed, long index) {
    return (at(seed, index) >>> 11) * 0x1p-53;
  }

  /** A whole number from 0 to bound - 1; the bias is below bound / 2^32. */
  static int below(long seed, long index, int bound) {
    return (int) ((at(seed, index) >>> 32) * bound >>> 32);
  }
}
