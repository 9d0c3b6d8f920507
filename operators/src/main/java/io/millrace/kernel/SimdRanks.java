package io.millrace.kernel;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Runs {@link RankProgram} on blocks of {@link RankNetwork#COLUMNS} columns. Every loop has that
 * length, so that none needs a rest; columns that are not there are ranked and forgotten.
 */
final class SimdRanks {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final int LANES = SimdLanes.COUNT;
  private static final int COLUMNS = RankNetwork.COLUMNS;

  private SimdRanks() {}

  /** Leaves the chosen ranks in their rows of {@link RankNetwork#words}. */
  static void run(RankNetwork network, float[][] rows, int from, int length) {
    int[] words = network.words();
    for (int row = 0; row < network.inputs(); row++) {
      load(rows[row], from, length, words, row * COLUMNS);
    }
    int[] program = network.program();
    for (int p = 0; p < program.length; p += 3) {
      int a = program[p + 1] * COLUMNS;
      int b = program[p + 2] * COLUMNS;
      switch (program[p]) {
        case RankNetwork.BOTH -> compare(words, a, b);
        case RankNetwork.LOW_ONLY -> keepLow(words, a, b);
        case RankNetwork.HIGH_ONLY -> keepHigh(words, a, b);
        case RankProgram.SORT -> SimdSort16.sort(words, a);
        default -> SimdMerge16.merge(words, a, b);
      }
    }
  }

  private static void load(float[] x, int from, int length, int[] words, int to) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      turned(FloatVector.fromArray(F, x, from + j).reinterpretAsInts()).intoArray(words, to + j);
    }
    for (; j < length; j++) {
      words[to + j] = RankNetwork.sortable(Float.floatToRawIntBits(x[from + j]));
    }
  }

  /** {@link RankNetwork#sortable}. */
  private static IntVector turned(IntVector bits) {
    return bits.lanewise(VectorOperators.ASHR, 31)
        .and(Integer.MAX_VALUE)
        .lanewise(VectorOperators.XOR, bits);
  }

  /** The higher of two words: one instruction of three operands, on another port than min. */
  static IntVector other(IntVector a, IntVector b, IntVector low) {
    return a.lanewise(VectorOperators.XOR, b).lanewise(VectorOperators.XOR, low);
  }

  private static void compare(int[] words, int low, int high) {
    for (int j = 0; j < COLUMNS; j += LANES) {
      IntVector a = IntVector.fromArray(I, words, low + j);
      IntVector b = IntVector.fromArray(I, words, high + j);
      IntVector lower = a.min(b);
      lower.intoArray(words, low + j);
      other(a, b, lower).intoArray(words, high + j);
    }
  }

  private static void keepLow(int[] words, int low, int high) {
    for (int j = 0; j < COLUMNS; j += LANES) {
      IntVector.fromArray(I, words, low + j)
          .min(IntVector.fromArray(I, words, high + j))
          .intoArray(words, low + j);
    }
  }

  private static void keepHigh(int[] words, int low, int high) {
    for (int j = 0; j < COLUMNS; j += LANES) {
      IntVector.fromArray(I, words, low + j)
          .max(IntVector.fromArray(I, words, high + j))
          .intoArray(words, high + j);
    }
  }

  /** A row of words as floats. */
  static void store(int[] words, int wordsFrom, int length, float[] out, int outFrom) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      turned(IntVector.fromArray(I, words, wordsFrom + j))
          .reinterpretAsFloats()
          .intoArray(out, outFrom + j);
    }
    for (; j < length; j++) {
      out[outFrom + j] = Float.intBitsToFloat(RankNetwork.sortable(words[wordsFrom + j]));
    }
  }

  /** Means over rows of words, each summed from the first row on. */
  static void means(int[] words, int wordsFrom, int count, int length, double[] out, int outFrom) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      DoubleVector low = DoubleVector.zero(D);
      DoubleVector high = low;
      for (int at = wordsFrom + j; at < wordsFrom + count * COLUMNS; at += COLUMNS) {
        FloatVector x = turned(IntVector.fromArray(I, words, at)).reinterpretAsFloats();
        low = low.add(SimdColumnKernels.low(x));
        high = high.add(SimdColumnKernels.high(x));
      }
      low.div(count).intoArray(out, outFrom + j);
      high.div(count).intoArray(out, outFrom + j + D.length());
    }
    for (; j < length; j++) {
      double sum = 0;
      for (int row = 0; row < count; row++) {
        int word = words[wordsFrom + row * COLUMNS + j];
        sum += Float.intBitsToFloat(RankNetwork.sortable(word));
      }
      out[outFrom + j] = sum / count;
    }
  }
}
