package io.millrace.kernel;

/**
 * What a twin implements for packed codes: mostly the part of a method of {@link ColumnCodes} that
 * treats one word row, which begins at a byte of an array. The meaning, down to the bits, is
 * written there. {@code rows} are those of the word row that are there.
 */
interface CodeKernels {

  void columnRanges(
      float[] x, int from, int rows, int columns, float[] minima, float[] maxima, int sideFrom);

  void groupRanges(float[] x, int from, int groups, int group, float[] minima, float[] maxima);

  void packByColumn(
      float[] x,
      int from,
      int rows,
      int columns,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom);

  void packByGroup(
      float[] x,
      int from,
      int rows,
      int columns,
      int group,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom);

  void unpackByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom);

  void unpackByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom);

  /** Three word rows' top bytes become the words of a fourth, which has 24 bits. */
  void assemble(byte[] words, int from, int rowBytes, byte[] out, int outFrom, int count);

  /** Undoes {@link #assemble}, for whole rows. */
  void spread(byte[] words, int from, byte[] out, int outFrom, int columns);

  /**
   * scratch[factors + c] = x[c] step[c]; scratch[offsets + l] = the fma chain of x and minima over
   * c = l, l + 16, ...
   */
  void factors(
      float[] x,
      int xFrom,
      float[] steps,
      float[] minima,
      int sideFrom,
      int count,
      float[] scratch,
      int factors,
      int offsets);

  /** partial[partialFrom + 16 row + l], with factors and offsets in the same array. */
  void dotByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int count,
      int factors,
      int offsets,
      int bits,
      float[] partial,
      int partialFrom);

  /** partial[partialFrom + 16 row + l], with the lanes' sums of x in the same array. */
  void dotByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      float[] x,
      int xFrom,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int sideRow,
      int sums,
      int bits,
      float[] partial,
      int partialFrom);

  void addByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      int group,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      int bits,
      float[] out,
      int outFrom);

  /**
   * out[row] = the sum of 16 partials by halves.
   *
   * @param partial [rows x 16], modified, with room for rows up to a multiple of 16
   */
  void fold(float[] partial, int rows, float[] out, int outFrom);
}
