package io.millrace.kernel;

import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Ranks columns by {@link RankProgram}: first sixteen rows after another over all columns, which
 * reads memory in few and long streams, then block by block of {@link RankNetwork#BLOCK} columns in
 * the first-level cache. Every loop over a block has its length, so that none needs a rest; columns
 * that are not there are ranked and forgotten.
 */
final class SimdRanks {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final int LANES = SimdLanes.COUNT;
  private static final int WIDE = D.length();
  private static final int BLOCK = RankNetwork.BLOCK;
  private static final int ROWS = RankProgram.ROWS;

  /** Rows loaded together. */
  private static final int EIGHT = 8;

  /** Of the largest word. */
  private static final float PADDING = Float.intBitsToFloat(Integer.MAX_VALUE);

  private SimdRanks() {}

  /** Leaves the chosen ranks in their rows of {@link RankNetwork#words}. */
  static void run(RankNetwork network, float[][] rows, int from, int length) {
    int[] words = network.words();
    int block = network.blockWords();
    for (int row = 0; row < network.inputs(); row += EIGHT) {
      for (int column = 0, to = row * BLOCK; column < length; column += BLOCK, to += block) {
        load(network, rows, row, from + column, Math.min(BLOCK, length - column), to);
      }
    }
    int[] program = network.program();
    for (int at = 0, column = 0; column < length; at += block, column += BLOCK) {
      for (int row = 0; row < network.inputs(); row += ROWS) {
        SimdSort16.sort(words, at + row * BLOCK);
      }
      merge(program, words, at);
    }
  }

  private static void load(
      RankNetwork network, float[][] rows, int row, int from, int length, int to) {
    int count = Math.min(EIGHT, network.inputs() - row);
    int whole = count == EIGHT ? length / LANES * LANES : 0;
    if (whole > 0) {
      SimdSort16.load(rows, row, from, 0, whole, network.words(), to);
    }
    if (whole < length) {
      float[][] strip = network.strip();
      for (int i = 0; i < EIGHT; i++) {
        if (i < count) {
          System.arraycopy(rows[row + i], from + whole, strip[i], 0, length - whole);
        } else {
          Arrays.fill(strip[i], 0, length - whole, PADDING);
        }
      }
      SimdSort16.load(strip, 0, -whole, whole, length, network.words(), to);
    }
  }

  private static void merge(int[] program, int[] words, int at) {
    for (int p = 0; p < program.length; p += 3) {
      int first = at + program[p + 1] * BLOCK;
      int size = program[p + 2];
      switch (program[p]) {
        case RankProgram.SORT -> SimdMerge16.bitonic(words, first);
        case RankProgram.LOWER -> SimdMerge16.lower(words, first, at + size * BLOCK);
        case RankProgram.CROSS -> cross(words, first, size);
        case RankProgram.HALVE -> halve(words, first, size);
        default -> pick(words, at, program[p + 1], size / 2);
      }
    }
  }

  /** Two levels of comparators, four rows at a time. */
  static void cross(int[] words, int first, int size) {
    int quarter = size / 4;
    int last = first + (size - 1) * BLOCK;
    for (int i = 0; i < quarter; i++) {
      int far = i + quarter;
      quad(words, first + i * BLOCK, first + far * BLOCK, last - far * BLOCK, last - i * BLOCK);
    }
  }

  private static void quad(int[] words, int a, int b, int c, int d) {
    for (int j = 0; j < BLOCK; j += LANES) {
      IntVector va = IntVector.fromArray(I, words, a + j);
      IntVector vb = IntVector.fromArray(I, words, b + j);
      IntVector vc = IntVector.fromArray(I, words, c + j);
      IntVector vd = IntVector.fromArray(I, words, d + j);
      IntVector lowA = va.min(vd);
      IntVector lowB = vb.min(vc);
      IntVector highC = other(vb, vc, lowB);
      IntVector highD = other(va, vd, lowA);
      va = lowA.min(lowB);
      vc = highC.min(highD);
      va.intoArray(words, a + j);
      other(lowA, lowB, va).intoArray(words, b + j);
      vc.intoArray(words, c + j);
      other(highC, highD, vc).intoArray(words, d + j);
    }
  }

  private static void halve(int[] words, int first, int size) {
    int distance = size / 2 * BLOCK;
    for (int low = first; low < first + distance; low += BLOCK) {
      for (int j = 0; j < BLOCK; j += LANES) {
        IntVector a = IntVector.fromArray(I, words, low + j);
        IntVector b = IntVector.fromArray(I, words, low + distance + j);
        IntVector lower = a.min(b);
        lower.intoArray(words, low + j);
        other(a, b, lower).intoArray(words, low + distance + j);
      }
    }
  }

  /** Ranks {@code rank} and {@code rank + 1} of two sorted runs of {@code half} rows. */
  static void pick(int[] words, int at, int rank, int half) {
    int begin = Math.max(0, rank - half + 1);
    int end = Math.min(rank, half - 1);
    for (int j = at; j < at + BLOCK; j += LANES) {
      IntVector most = IntVector.broadcast(I, Integer.MIN_VALUE);
      IntVector least = IntVector.broadcast(I, Integer.MAX_VALUE);
      if (rank >= half) {
        int beyond = j + (rank - half) * BLOCK;
        most =
            IntVector.fromArray(I, words, beyond)
                .max(IntVector.fromArray(I, words, beyond + half * BLOCK));
      }
      if (rank + 1 < half) {
        int next = j + (rank + 1) * BLOCK;
        least =
            IntVector.fromArray(I, words, next)
                .min(IntVector.fromArray(I, words, next + half * BLOCK));
      }
      int opposite = j + (half + rank) * BLOCK;
      for (int i = begin; i <= end; i++) {
        IntVector a = IntVector.fromArray(I, words, j + i * BLOCK);
        IntVector b = IntVector.fromArray(I, words, opposite - i * BLOCK);
        IntVector low = a.min(b);
        most = most.max(low);
        least = least.min(other(a, b, low));
      }
      most.intoArray(words, j + rank * BLOCK);
      if (rank + 1 < 2 * half) {
        least.intoArray(words, j + (rank + 1) * BLOCK);
      }
    }
  }

  /** The higher of two words: one instruction of three operands, on another port than min. */
  private static IntVector other(IntVector a, IntVector b, IntVector low) {
    return a.lanewise(VectorOperators.XOR, b).lanewise(VectorOperators.XOR, low);
  }

  /** {@link RankNetwork#sortable}. */
  private static IntVector turned(IntVector bits) {
    return bits.lanewise(VectorOperators.ASHR, 31)
        .and(Integer.MAX_VALUE)
        .lanewise(VectorOperators.XOR, bits);
  }

  /** The chosen ranks as floats, [ranks x length]. */
  static void store(RankNetwork network, int length, float[] out) {
    int[] words = network.words();
    int at = network.firstRank() * BLOCK;
    for (int column = 0; column < length; column += BLOCK, at += network.blockWords()) {
      int here = Math.min(BLOCK, length - column);
      for (int rank = 0; rank < network.ranks(); rank++) {
        store(words, at + rank * BLOCK, here, out, rank * length + column);
      }
    }
  }

  private static void store(int[] words, int at, int length, float[] out, int outFrom) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      turned(IntVector.fromArray(I, words, at + j))
          .reinterpretAsFloats()
          .intoArray(out, outFrom + j);
    }
    for (; j < length; j++) {
      out[outFrom + j] = Float.intBitsToFloat(RankNetwork.sortable(words[at + j]));
    }
  }

  /** Means over the chosen ranks, each summed from the lowest on. */
  static void means(RankNetwork network, int length, double[] out, int outFrom) {
    int at = network.firstRank() * BLOCK;
    for (int column = 0; column < length; column += BLOCK, at += network.blockWords()) {
      int here = Math.min(BLOCK, length - column);
      means(network.words(), at, network.ranks(), here, out, outFrom + column);
    }
  }

  private static void means(int[] words, int at, int count, int length, double[] out, int outFrom) {
    int end = at + count * BLOCK;
    int j = 0;
    for (; j <= length - 2 * LANES; j += 2 * LANES) {
      DoubleVector s0 = DoubleVector.zero(D);
      DoubleVector s1 = s0;
      DoubleVector s2 = s0;
      DoubleVector s3 = s0;
      for (int i = at + j; i < end; i += BLOCK) {
        FloatVector x = turned(IntVector.fromArray(I, words, i)).reinterpretAsFloats();
        s0 = s0.add(SimdColumnKernels.low(x));
        s1 = s1.add(SimdColumnKernels.high(x));
        FloatVector y = turned(IntVector.fromArray(I, words, i + LANES)).reinterpretAsFloats();
        s2 = s2.add(SimdColumnKernels.low(y));
        s3 = s3.add(SimdColumnKernels.high(y));
      }
      s0.div(count).intoArray(out, outFrom + j);
      s1.div(count).intoArray(out, outFrom + j + WIDE);
      s2.div(count).intoArray(out, outFrom + j + 2 * WIDE);
      s3.div(count).intoArray(out, outFrom + j + 3 * WIDE);
    }
    for (; j < length; j++) {
      double sum = 0;
      for (int i = at + j; i < end; i += BLOCK) {
        sum += Float.intBitsToFloat(RankNetwork.sortable(words[i]));
      }
      out[outFrom + j] = sum / count;
    }
  }
}
