package io.millrace.kernel;

/**
 * Layout of packed codes of b bits, 1 to 8: a run is 16 values, a line 16 words that hold 32 / b
 * runs (rounded down; spare bits are zero). Value i lies in run r = i / 16, that is in word i mod
 * 16 of line r / (32 / b), shifted by b (r mod (32 / b)). A line of 2-bit codes is 256 values, of
 * 4-bit codes 128, of 8-bit codes 64.
 */
final class PackedCodes {
  /** Values in a run. */
  static final int RUN = 16;

  /** 1.5 x 2^23: added to 0 to 2^22, it leaves the nearest whole number in the low bits. */
  static final float ROUNDING = 12582912f;

  private PackedCodes() {}

  /** Maps the bits of floats to ints of the same order, and back: an involution. */
  static int sortable(int bits) {
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }
}
