package io.millrace.operator.kvcache;

import io.millrace.kernel.Halves;
import io.millrace.kernel.Kernels;

/**
 * Steps and minima of groups of values, x = minimum + step code, in half precision: codes are found
 * with the rounded ones, so that the reader's arithmetic is the writer's. Arrays are reused and
 * longer than the groups that are there.
 */
final class GroupSteps {
  /** Added to a step before it divides: changes none but 0, which then gives a finite number. */
  private static final float TINY = 0x1p-100f;

  float[] minima = new float[0];
  float[] maxima = new float[0];
  float[] steps = new float[0];
  float[] inverse = new float[0];

  /** Steps and minima alone, for what is read. */
  static GroupSteps ofPage(int groups) {
    GroupSteps steps = new GroupSteps();
    steps.minima = new float[groups];
    steps.steps = new float[groups];
    return steps;
  }

  /** Makes room for what is written. */
  void require(int groups) {
    if (minima.length < groups) {
      minima = new float[groups];
      maxima = new float[groups];
      steps = new float[groups];
      inverse = new float[groups];
    }
  }

  /**
   * Steps that reach from each minimum to the maximum. Writes steps, then minima.
   *
   * @param levels 2^b - 1
   */
  void writeAsymmetric(int groups, int levels, byte[] out, int outFrom) {
    for (int g = 0; g < groups; g++) {
      steps[g] = (maxima[g] - minima[g]) / levels;
    }
    round(steps, groups, out, outFrom);
    round(minima, groups, out, outFrom + Short.BYTES * groups);
    invert(groups);
  }

  /** Steps for codes -2^(b-1) to 2^(b-1) - 1, of which the least is not used. Writes steps. */
  void writeSymmetric(int groups, int bits, byte[] out, int outFrom) {
    float largest = (1 << bits - 1) - 1;
    for (int g = 0; g < groups; g++) {
      steps[g] = Math.max(Math.abs(minima[g]), Math.abs(maxima[g])) / largest;
    }
    round(steps, groups, out, outFrom);
    centre(groups, bits);
    invert(groups);
  }

  /**
   * Reads what {@link #writeAsymmetric} wrote.
   *
   * @throws IllegalArgumentException for a number that is not finite
   */
  void readAsymmetric(int groups, byte[] in, int from) {
    read(steps, groups, in, from);
    read(minima, groups, in, from + Short.BYTES * groups);
  }

  /** Reads what {@link #writeSymmetric} wrote, as {@link #readAsymmetric}. */
  void readSymmetric(int groups, int bits, byte[] in, int from) {
    read(steps, groups, in, from);
    centre(groups, bits);
  }

  private static void round(float[] values, int count, byte[] out, int outFrom) {
    Halves.encode(values, 0, out, outFrom, count);
    Halves.decode(out, outFrom, values, 0, count);
  }

  private static void read(float[] values, int count, byte[] in, int from) {
    Halves.decode(in, from, values, 0, count);
    requireFinite(values, count);
  }

  /**
   * @throws IllegalArgumentException for a number that is not finite
   */
  static void requireFinite(float[] values, int count) {
    float largest = Kernels.maxAbs(values, 0, count);
    if (!Float.isFinite(largest)) {
      throw new IllegalArgumentException("page has " + largest + ", expected a finite half");
    }
  }

  private void centre(int groups, int bits) {
    float least = -(1 << bits - 1);
    for (int g = 0; g < groups; g++) {
      minima[g] = least * steps[g];
    }
  }

  private void invert(int groups) {
    for (int g = 0; g < groups; g++) {
      inverse[g] = 1 / (steps[g] + TINY);
    }
  }
}
