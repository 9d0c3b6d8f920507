package io.millrace.kernel;

/**
 * What a twin implements for 16-bit floats. The meaning is written at the methods of the same name
 * in {@link Halves}.
 */
interface HalfKernels {

  void encode(float[] values, int from, byte[] out, int outFrom, int count);

  void decode(byte[] in, int inFrom, float[] values, int from, int count);

  void encodeBrain(float[] values, int from, byte[] out, int outFrom, int count);

  void decodeBrain(byte[] in, int inFrom, float[] values, int from, int count);
}
