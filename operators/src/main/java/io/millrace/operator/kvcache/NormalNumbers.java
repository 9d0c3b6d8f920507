package io.millrace.operator.kvcache;

/**
 * Normal numbers by counter: number i of a seed without those before it, the same bits everywhere.
 * Two words of the SplitMix64 sequence (Steele, Lea, Flood, 2014) through the transform of Box and
 * Muller (1958), sine and logarithm of {@link StrictMath}.
 */
final class NormalNumbers {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;
  private static final double UNIT = 0x1p-53;

  private NormalNumbers() {}

  /** Standard normal number {@code index} of a seed. */
  static double at(long seed, long index) {
    // 1 - u is above 0
    double radius = Math.sqrt(-2 * StrictMath.log(1 - uniform(seed, 2 * index)));
    return radius * StrictMath.cos(2 * Math.PI * uniform(seed, 2 * index + 1));
  }

  /** Uniform on [0, 1). */
  private static double uniform(long seed, long index) {
    long word = mix(mix(seed) + (index + 1) * GOLDEN);
    return (word >>> 11) * UNIT;
  }

  private static long mix(long word) {
    long mixed = (word ^ word >>> 30) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
    return mixed ^ mixed >>> 31;
  }
}
