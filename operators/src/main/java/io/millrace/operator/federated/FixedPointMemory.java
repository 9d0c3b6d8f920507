package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * A running sum of increments in 64-bit fixed point: what SCAFFOLD, EF21 and their kin remember of
 * a client, and the server of all of them. The order of increments leaves no trace, so that the sum
 * over clients of their memories equals the server's integer for integer, or an increment was lost
 * or counted twice.
 *
 * <p>8 bytes a coordinate. One thread.
 */
final class FixedPointMemory {
  // Terms stay below 2^51, so that a sum checked against 2^62 after each cannot have wrapped.
  private static final double LARGEST_TERM = 0x1p51;
  private static final long LARGEST_SUM = 1L << 62;

  private final int bits;
  private final long[] sum;

  /**
   * @param bits binary digits behind the point: increments reach 2^(51 - bits), sums 2^(62 - bits)
   */
  FixedPointMemory(int length, int bits) {
    SettingCheck.range("fixed-point bits", bits, -100, 200);
    this.sum = new long[length];
    this.bits = bits;
  }

  /** A memory as it was when {@link #sums} had these integers. */
  static FixedPointMemory restored(long[] sums, int bits) {
    FixedPointMemory memory = new FixedPointMemory(sums.length, bits);
    for (int i = 0; i < sums.length; i++) {
      if (sums[i] > LARGEST_SUM || sums[i] < -LARGEST_SUM) {
        throw new IllegalArgumentException(
            "memory has " + sums[i] + " at coordinate " + i + ", expected up to " + LARGEST_SUM);
      }
      memory.sum[i] = sums[i];
    }
    return memory;
  }

  int length() {
    return sum.length;
  }

  int bits() {
    return bits;
  }

  /** The integers themselves: not to be modified. */
  long[] sums() {
    return sum;
  }

  /** The largest value in size. */
  double largest() {
    long largest = 0;
    for (long value : sum) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest * Math.scalb(1.0, -bits);
  }

  /** Increments stay below this. */
  static double largestIncrement(int bits) {
    return LARGEST_TERM * Math.scalb(1.0, -bits);
  }

  /** Sums reach this. */
  static double largestSum(int bits) {
    return LARGEST_SUM * Math.scalb(1.0, -bits);
  }

  /**
   * Adds an increment.
   *
   * @param x [length], not modified
   * @throws IllegalArgumentException for a value that is not finite, or an increment or a sum
   *     beyond the fixed point; nothing is added then
   */
  void add(float[] x) {
    if (x.length != sum.length) {
      throw new IllegalArgumentException(
          "increment has " + x.length + " coordinates, expected " + sum.length);
    }
    double factor = Math.scalb(1.0, bits);
    int worst = Kernels.argmaxAbs(x, 0, x.length);
    if (worst >= 0 && !(Math.abs(x[worst]) * factor < LARGEST_TERM)) {
      throw new IllegalArgumentException(
          "increment is "
              + x[worst]
              + " at coordinate "
              + worst
              + ", expected below "
              + LARGEST_TERM / factor);
    }
    Kernels.addFixed(x, 0, factor, sum, 0, sum.length);
    for (int i = 0; i < sum.length; i++) {
      if (sum[i] > LARGEST_SUM || sum[i] < -LARGEST_SUM) {
        Kernels.addFixed(x, 0, -factor, sum, 0, sum.length);
        throw new IllegalArgumentException(
            "sum passes " + LARGEST_SUM / factor + " in size at coordinate " + i);
      }
    }
  }

  /**
   * Adds another memory, for the audit.
   *
   * @throws IllegalArgumentException for another length or scale
   * @throws ArithmeticException when a sum overflows
   */
  void merge(FixedPointMemory other) {
    if (other.sum.length != sum.length || other.bits != bits) {
      throw new IllegalArgumentException(
          "memory of "
              + other.sum.length
              + " with "
              + other.bits
              + " bits, expected "
              + sum.length
              + " with "
              + bits);
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.addExact(sum[i], other.sum[i]);
    }
  }

  /** A new memory like {@code like}, holding the sum of others. */
  static FixedPointMemory sum(FixedPointMemory like, Iterable<FixedPointMemory> memories) {
    FixedPointMemory sum = new FixedPointMemory(like.sum.length, like.bits);
    for (FixedPointMemory memory : memories) {
      sum.merge(memory);
    }
    return sum;
  }

  /** The sum of coordinate i, its fixed-point integer rounded to double. */
  double value(int i) {
    return sum[i] * Math.scalb(1.0, -bits);
  }

  /** Whether both hold the same integers. */
  boolean sameBits(FixedPointMemory other) {
    return bits == other.bits && Arrays.equals(sum, other.sum);
  }
}
