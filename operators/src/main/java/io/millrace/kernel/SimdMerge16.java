package io.millrace.kernel;

import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.IntVector;

/**
 * Merges two sorted halves of sixteen rows in registers, column by column, by Batcher's twenty-five
 * comparators. See {@link SimdSort16}.
 */
final class SimdMerge16 {
  private static final int LANES = SimdLanes.COUNT;
  private static final int COLUMNS = RankNetwork.COLUMNS;

  private SimdMerge16() {}

  /**
   * Leaves sixteen rows sorted whose first and last eight are.
   *
   * @param from where the first row starts
   * @param stride words from row to row
   */
  static void merge(int[] words, int from, int stride) {
    for (int j = from; j < from + COLUMNS; j += LANES) {
      IntVector v0 = IntVector.fromArray(SimdLanes.INTS, words, j);
      IntVector v1 = IntVector.fromArray(SimdLanes.INTS, words, j + stride);
      IntVector v2 = IntVector.fromArray(SimdLanes.INTS, words, j + 2 * stride);
      IntVector v3 = IntVector.fromArray(SimdLanes.INTS, words, j + 3 * stride);
      IntVector v4 = IntVector.fromArray(SimdLanes.INTS, words, j + 4 * stride);
      IntVector v5 = IntVector.fromArray(SimdLanes.INTS, words, j + 5 * stride);
      IntVector v6 = IntVector.fromArray(SimdLanes.INTS, words, j + 6 * stride);
      IntVector v7 = IntVector.fromArray(SimdLanes.INTS, words, j + 7 * stride);
      IntVector v8 = IntVector.fromArray(SimdLanes.INTS, words, j + 8 * stride);
      IntVector v9 = IntVector.fromArray(SimdLanes.INTS, words, j + 9 * stride);
      IntVector v10 = IntVector.fromArray(SimdLanes.INTS, words, j + 10 * stride);
      IntVector v11 = IntVector.fromArray(SimdLanes.INTS, words, j + 11 * stride);
      IntVector v12 = IntVector.fromArray(SimdLanes.INTS, words, j + 12 * stride);
      IntVector v13 = IntVector.fromArray(SimdLanes.INTS, words, j + 13 * stride);
      IntVector v14 = IntVector.fromArray(SimdLanes.INTS, words, j + 14 * stride);
      IntVector v15 = IntVector.fromArray(SimdLanes.INTS, words, j + 15 * stride);
      IntVector low = v0.min(v8);
      v8 = v0.lanewise(XOR, v8).lanewise(XOR, low);
      v0 = low;
      low = v4.min(v12);
      v12 = v4.lanewise(XOR, v12).lanewise(XOR, low);
      v4 = low;
      low = v4.min(v8);
      v8 = v4.lanewise(XOR, v8).lanewise(XOR, low);
      v4 = low;
      low = v2.min(v10);
      v10 = v2.lanewise(XOR, v10).lanewise(XOR, low);
      v2 = low;
      low = v6.min(v14);
      v14 = v6.lanewise(XOR, v14).lanewise(XOR, low);
      v6 = low;
      low = v6.min(v10);
      v10 = v6.lanewise(XOR, v10).lanewise(XOR, low);
      v6 = low;
      low = v2.min(v4);
      v4 = v2.lanewise(XOR, v4).lanewise(XOR, low);
      v2 = low;
      low = v6.min(v8);
      v8 = v6.lanewise(XOR, v8).lanewise(XOR, low);
      v6 = low;
      low = v10.min(v12);
      v12 = v10.lanewise(XOR, v12).lanewise(XOR, low);
      v10 = low;
      low = v1.min(v9);
      v9 = v1.lanewise(XOR, v9).lanewise(XOR, low);
      v1 = low;
      low = v5.min(v13);
      v13 = v5.lanewise(XOR, v13).lanewise(XOR, low);
      v5 = low;
      low = v5.min(v9);
      v9 = v5.lanewise(XOR, v9).lanewise(XOR, low);
      v5 = low;
      low = v3.min(v11);
      v11 = v3.lanewise(XOR, v11).lanewise(XOR, low);
      v3 = low;
      low = v7.min(v15);
      v15 = v7.lanewise(XOR, v15).lanewise(XOR, low);
      v7 = low;
      low = v7.min(v11);
      v11 = v7.lanewise(XOR, v11).lanewise(XOR, low);
      v7 = low;
      low = v3.min(v5);
      v5 = v3.lanewise(XOR, v5).lanewise(XOR, low);
      v3 = low;
      low = v7.min(v9);
      v9 = v7.lanewise(XOR, v9).lanewise(XOR, low);
      v7 = low;
      low = v11.min(v13);
      v13 = v11.lanewise(XOR, v13).lanewise(XOR, low);
      v11 = low;
      low = v1.min(v2);
      v2 = v1.lanewise(XOR, v2).lanewise(XOR, low);
      v1 = low;
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
      low = v13.min(v14);
      v14 = v13.lanewise(XOR, v14).lanewise(XOR, low);
      v13 = low;
      v0.intoArray(words, j);
      v1.intoArray(words, j + stride);
      v2.intoArray(words, j + 2 * stride);
      v3.intoArray(words, j + 3 * stride);
      v4.intoArray(words, j + 4 * stride);
      v5.intoArray(words, j + 5 * stride);
      v6.intoArray(words, j + 6 * stride);
      v7.intoArray(words, j + 7 * stride);
      v8.intoArray(words, j + 8 * stride);
      v9.intoArray(words, j + 9 * stride);
      v10.intoArray(words, j + 10 * stride);
      v11.intoArray(words, j + 11 * stride);
      v12.intoArray(words, j + 12 * stride);
      v13.intoArray(words, j + 13 * stride);
      v14.intoArray(words, j + 14 * stride);
      v15.intoArray(words, j + 15 * stride);
    }
  }
}
