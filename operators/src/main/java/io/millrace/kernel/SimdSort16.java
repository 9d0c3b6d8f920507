package io.millrace.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sorts sixteen rows in registers, column by column: sixty comparators (M. W. Green, 1969; Knuth,
 * The Art of Computer Programming 3, 5.3.4), of which those among eight rows are done on their way
 * from floats to words. The higher of two is what is left of both by exclusive or: one instruction
 * of three operands, on another port than min. No methods for comparators, and no more than eight
 * rows of floats: past a number of nodes C2 inlines nothing, and boxes vectors.
 */
final class SimdSort16 {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final int LANES = SimdLanes.COUNT;
  private static final int BLOCK = RankNetwork.BLOCK;

  private SimdSort16() {}

  /**
   * Loads columns {@code start} to {@code end}, exclusive, a vector at a time.
   *
   * @param x of which eight rows from {@code row} on are read
   * @param from where columns start in a row
   * @param words rows {@link RankNetwork#BLOCK} words apart, overwritten
   * @param to where columns start in the first row of words
   */
  static void load(float[][] x, int row, int from, int start, int end, int[] words, int to) {
    float[] x0 = x[row];
    float[] x1 = x[row + 1];
    float[] x2 = x[row + 2];
    float[] x3 = x[row + 3];
    float[] x4 = x[row + 4];
    float[] x5 = x[row + 5];
    float[] x6 = x[row + 6];
    float[] x7 = x[row + 7];
    for (int j = start; j < end; j += LANES) {
      IntVector v0 = FloatVector.fromArray(F, x0, from + j).reinterpretAsInts();
      v0 = v0.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v0);
      IntVector v1 = FloatVector.fromArray(F, x1, from + j).reinterpretAsInts();
      v1 = v1.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v1);
      IntVector v2 = FloatVector.fromArray(F, x2, from + j).reinterpretAsInts();
      v2 = v2.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v2);
      IntVector v3 = FloatVector.fromArray(F, x3, from + j).reinterpretAsInts();
      v3 = v3.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v3);
      IntVector v4 = FloatVector.fromArray(F, x4, from + j).reinterpretAsInts();
      v4 = v4.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v4);
      IntVector v5 = FloatVector.fromArray(F, x5, from + j).reinterpretAsInts();
      v5 = v5.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v5);
      IntVector v6 = FloatVector.fromArray(F, x6, from + j).reinterpretAsInts();
      v6 = v6.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v6);
      IntVector v7 = FloatVector.fromArray(F, x7, from + j).reinterpretAsInts();
      v7 = v7.lanewise(ASHR, 31).and(Integer.MAX_VALUE).lanewise(XOR, v7);
      IntVector low = v0.min(v1);
      v1 = v0.lanewise(XOR, v1).lanewise(XOR, low);
      v0 = low;
      low = v2.min(v3);
      v3 = v2.lanewise(XOR, v3).lanewise(XOR, low);
      v2 = low;
      low = v4.min(v5);
      v5 = v4.lanewise(XOR, v5).lanewise(XOR, low);
      v4 = low;
      low = v6.min(v7);
      v7 = v6.lanewise(XOR, v7).lanewise(XOR, low);
      v6 = low;
      low = v0.min(v2);
      v2 = v0.lanewise(XOR, v2).lanewise(XOR, low);
      v0 = low;
      low = v1.min(v3);
      v3 = v1.lanewise(XOR, v3).lanewise(XOR, low);
      v1 = low;
      low = v4.min(v6);
      v6 = v4.lanewise(XOR, v6).lanewise(XOR, low);
      v4 = low;
      low = v5.min(v7);
      v7 = v5.lanewise(XOR, v7).lanewise(XOR, low);
      v5 = low;
      low = v0.min(v4);
      v4 = v0.lanewise(XOR, v4).lanewise(XOR, low);
      v0 = low;
      low = v1.min(v5);
      v5 = v1.lanewise(XOR, v5).lanewise(XOR, low);
      v1 = low;
      low = v2.min(v6);
      v6 = v2.lanewise(XOR, v6).lanewise(XOR, low);
      v2 = low;
      low = v3.min(v7);
      v7 = v3.lanewise(XOR, v7).lanewise(XOR, low);
      v3 = low;
      v0.intoArray(words, to + j);
      v1.intoArray(words, to + j + BLOCK);
      v2.intoArray(words, to + j + 2 * BLOCK);
      v3.intoArray(words, to + j + 3 * BLOCK);
      v4.intoArray(words, to + j + 4 * BLOCK);
      v5.intoArray(words, to + j + 5 * BLOCK);
      v6.intoArray(words, to + j + 6 * BLOCK);
      v7.intoArray(words, to + j + 7 * BLOCK);
    }
  }

  /** Sorts sixteen rows of a block that were loaded. */
  static void sort(int[] words, int from) {
    for (int j = from; j < from + BLOCK; j += LANES) {
      IntVector v0 = IntVector.fromArray(I, words, j);
      IntVector v1 = IntVector.fromArray(I, words, j + BLOCK);
      IntVector v2 = IntVector.fromArray(I, words, j + 2 * BLOCK);
      IntVector v3 = IntVector.fromArray(I, words, j + 3 * BLOCK);
      IntVector v4 = IntVector.fromArray(I, words, j + 4 * BLOCK);
      IntVector v5 = IntVector.fromArray(I, words, j + 5 * BLOCK);
      IntVector v6 = IntVector.fromArray(I, words, j + 6 * BLOCK);
      IntVector v7 = IntVector.fromArray(I, words, j + 7 * BLOCK);
      IntVector v8 = IntVector.fromArray(I, words, j + 8 * BLOCK);
      IntVector v9 = IntVector.fromArray(I, words, j + 9 * BLOCK);
      IntVector v10 = IntVector.fromArray(I, words, j + 10 * BLOCK);
      IntVector v11 = IntVector.fromArray(I, words, j + 11 * BLOCK);
      IntVector v12 = IntVector.fromArray(I, words, j + 12 * BLOCK);
      IntVector v13 = IntVector.fromArray(I, words, j + 13 * BLOCK);
      IntVector v14 = IntVector.fromArray(I, words, j + 14 * BLOCK);
      IntVector v15 = IntVector.fromArray(I, words, j + 15 * BLOCK);
      IntVector low = v0.min(v8);
      v8 = v0.lanewise(XOR, v8).lanewise(XOR, low);
      v0 = low;
      low = v1.min(v9);
      v9 = v1.lanewise(XOR, v9).lanewise(XOR, low);
      v1 = low;
      low = v2.min(v10);
      v10 = v2.lanewise(XOR, v10).lanewise(XOR, low);
      v2 = low;
      low = v3.min(v11);
      v11 = v3.lanewise(XOR, v11).lanewise(XOR, low);
      v3 = low;
      low = v4.min(v12);
      v12 = v4.lanewise(XOR, v12).lanewise(XOR, low);
      v4 = low;
      low = v5.min(v13);
      v13 = v5.lanewise(XOR, v13).lanewise(XOR, low);
      v5 = low;
      low = v6.min(v14);
      v14 = v6.lanewise(XOR, v14).lanewise(XOR, low);
      v6 = low;
      low = v7.min(v15);
      v15 = v7.lanewise(XOR, v15).lanewise(XOR, low);
      v7 = low;
      low = v5.min(v10);
      v10 = v5.lanewise(XOR, v10).lanewise(XOR, low);
      v5 = low;
      low = v6.min(v9);
      v9 = v6.lanewise(XOR, v9).lanewise(XOR, low);
      v6 = low;
      low = v3.min(v12);
      v12 = v3.lanewise(XOR, v12).lanewise(XOR, low);
      v3 = low;
      low = v13.min(v14);
      v14 = v13.lanewise(XOR, v14).lanewise(XOR, low);
      v13 = low;
      low = v4.min(v8);
      v8 = v4.lanewise(XOR, v8).lanewise(XOR, low);
      v4 = low;
      low = v7.min(v11);
      v11 = v7.lanewise(XOR, v11).lanewise(XOR, low);
      v7 = low;
      low = v1.min(v2);
      v2 = v1.lanewise(XOR, v2).lanewise(XOR, low);
      v1 = low;
      low = v1.min(v4);
      v4 = v1.lanewise(XOR, v4).lanewise(XOR, low);
      v1 = low;
      low = v7.min(v13);
      v13 = v7.lanewise(XOR, v13).lanewise(XOR, low);
      v7 = low;
      low = v2.min(v8);
      v8 = v2.lanewise(XOR, v8).lanewise(XOR, low);
      v2 = low;
      low = v11.min(v14);
      v14 = v11.lanewise(XOR, v14).lanewise(XOR, low);
      v11 = low;
      low = v2.min(v4);
      v4 = v2.lanewise(XOR, v4).lanewise(XOR, low);
      v2 = low;
      low = v5.min(v6);
      v6 = v5.lanewise(XOR, v6).lanewise(XOR, low);
      v5 = low;
      low = v9.min(v10);
      v10 = v9.lanewise(XOR, v10).lanewise(XOR, low);
      v9 = low;
      low = v11.min(v13);
      v13 = v11.lanewise(XOR, v13).lanewise(XOR, low);
      v11 = low;
      low = v3.min(v8);
      v8 = v3.lanewise(XOR, v8).lanewise(XOR, low);
      v3 = low;
      low = v7.min(v12);
      v12 = v7.lanewise(XOR, v12).lanewise(XOR, low);
      v7 = low;
      low = v6.min(v8);
      v8 = v6.lanewise(XOR, v8).lanewise(XOR, low);
      v6 = low;
      low = v10.min(v12);
      v12 = v10.lanewise(XOR, v12).lanewise(XOR, low);
      v10 = low;
      low = v3.min(v5);
      v5 = v3.lanewise(XOR, v5).lanewise(XOR, low);
      v3 = low;
      low = v7.min(v9);
      v9 = v7.lanewise(XOR, v9).lanewise(XOR, low);
      v7 = low;
      low = v3.min(v4);
      v4 = v3.lanewise(XOR, v4).lanewise(XOR, low);
      v3 = low;
      low = v5.min(v6);
      v6 = v5.lanewise(XOR, v6).lanewise(XOR, low);
      v5 = low;
      low = v7.min(v8);
      v8 = v7.lanewise(XOR, v8).lanewise(XOR, low);
      v7 = low;
      low = v9.min(v10);
      v10 = v9.lanewise(XOR, v10).lanewise(XOR, low);
      v9 = low;
      low = v11.min(v12);
      v12 = v11.lanewise(XOR, v12).lanewise(XOR, low);
      v11 = low;
      low = v6.min(v7);
      v7 = v6.lanewise(XOR, v7).lanewise(XOR, low);
      v6 = low;
      low = v8.min(v9);
      v9 = v8.lanewise(XOR, v9).lanewise(XOR, low);
      v8 = low;
      v0.intoArray(words, j);
      v1.intoArray(words, j + BLOCK);
      v2.intoArray(words, j + 2 * BLOCK);
      v3.intoArray(words, j + 3 * BLOCK);
      v4.intoArray(words, j + 4 * BLOCK);
      v5.intoArray(words, j + 5 * BLOCK);
      v6.intoArray(words, j + 6 * BLOCK);
      v7.intoArray(words, j + 7 * BLOCK);
      v8.intoArray(words, j + 8 * BLOCK);
      v9.intoArray(words, j + 9 * BLOCK);
      v10.intoArray(words, j + 10 * BLOCK);
      v11.intoArray(words, j + 11 * BLOCK);
      v12.intoArray(words, j + 12 * BLOCK);
      v13.intoArray(words, j + 13 * BLOCK);
      v14.intoArray(words, j + 14 * BLOCK);
      v15.intoArray(words, j + 15 * BLOCK);
    }
  }
}
