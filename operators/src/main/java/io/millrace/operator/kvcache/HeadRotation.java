package io.millrace.operator.kvcache;

import io.millrace.kernel.CodeBook;

/**
 * The rotation of a head: signs from a fixed hash of the channel, then an orthonormal Hadamard
 * transform over blocks of the largest power of two that divides the head dimension. One thread.
 */
final class HeadRotation {
  /** Values of repeated signs, about: long loops cost less than one for each head. */
  private static final int REPEATED = 1024;

  private final int d;
  private final int block;
  private final float[] signs;
  private final float[] signsAndScale;
  private final float[] ones;
  private final float[] scales;
  private float[] scratch = new float[0];

  /**
   * @param d head dimension
   */
  HeadRotation(int d) {
    this.d = d;
    block = Integer.lowestOneBit(d);
    float scale = (float) (1 / Math.sqrt(block));
    int length = (REPEATED + d - 1) / d * d;
    signs = new float[length];
    signsAndScale = new float[length];
    ones = new float[length];
    scales = new float[length];
    for (int i = 0; i < length; i++) {
      signs[i] = sign(i % d);
      signsAndScale[i] = signs[i] * scale;
      ones[i] = 1f;
      scales[i] = scale;
    }
  }

  /**
   * Rotates vectors in place.
   *
   * @param x [count x d], modified
   */
  void rotate(float[] x, int from, int count) {
    CodeBook.hadamard(x, from, count * d, signs, block, scales);
  }

  /** Undoes {@link #rotate}. */
  void rotateBack(float[] x, int from, int count) {
    CodeBook.hadamard(x, from, count * d, ones, block, signsAndScale);
  }

  /** Scratch memory for vectors to rotate. */
  float[] scratch(int length) {
    if (scratch.length < length) {
      scratch = new float[length];
    }
    return scratch;
  }

  private static float sign(int channel) {
    int hash = (channel + 1) * 0x9E3779B1;
    hash = (hash ^ hash >>> 15) * 0x85EBCA77;
    return (hash ^ hash >>> 13) << 31 == 0 ? 1f : -1f;
  }
}
