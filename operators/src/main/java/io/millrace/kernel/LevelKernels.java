package io.millrace.kernel;

/**
 * What a twin implements for code books: mostly the part of a method of {@link CodeBook} that
 * treats one vector or one word row. The meaning, down to the bits, is written there.
 */
interface LevelKernels {

  /** partial[partialFrom + l]: products; partial[partialFrom + 16 + l]: squares. */
  void quantize(
      float[] x,
      int from,
      int d,
      float factor,
      CodeBook.Levels levels,
      float[] partial,
      int partialFrom);

  void unpack(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      float[] out,
      int outFrom,
      int outRow);

  /** partial[partialFrom + 16 row + l]. */
  void dot(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] x,
      int xFrom,
      float[] partial,
      int partialFrom);

  void add(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] weights,
      int weightsFrom,
      float[] out,
      int outFrom);

  void hadamard(float[] x, int from, int length, float[] signs, int block, float[] factors);
}
