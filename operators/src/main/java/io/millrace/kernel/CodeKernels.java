package io.millrace.kernel;

/**
 * What a twin implements for packed codes. The meaning of every method, down to the bits, is
 * written at the method of the same name in {@link PackedCodes}.
 */
interface CodeKernels {

  void ranges(float[] x, int from, int groups, int group, float[] minima, float[] maxima);

  void pack(
      float[] x,
      int from,
      int groups,
      int group,
      float[] minima,
      float[] inverseSteps,
      int[] words,
      int bits);

  void unpack(
      int[] words,
      int groups,
      int group,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom,
      int bits);

  void add(
      int[] words,
      int firstRun,
      int runStride,
      int rows,
      int columns,
      int group,
      float[] factors,
      int factorStride,
      float[] out,
      int outFrom,
      int bits);

  float dot(
      int[] words,
      int firstRun,
      int columns,
      int group,
      float[] factors,
      int factorsFrom,
      float[] x,
      int xFrom,
      int bits);
}
