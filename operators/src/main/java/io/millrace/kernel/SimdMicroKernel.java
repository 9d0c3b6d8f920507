package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost blocks of the product, held in registers. At most 16 accumulators: with 24 the rate
 * falls to a seventh. Eight rows where there are 32 registers (512 bit), six where there are 16.
 */
final class SimdMicroKernel {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final int LANES = SimdLanes.COUNT;

  private SimdMicroKernel() {}

  /** C block [8 x 2 vectors] += packed A [depth x 8] times packed B [depth x 2 vectors]. */
  static void rows8(
      int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int cRow) {
    FloatVector c00 = FloatVector.fromArray(F, c, cAt);
    FloatVector c01 = FloatVector.fromArray(F, c, cAt + LANES);
    FloatVector c10 = FloatVector.fromArray(F, c, cAt + cRow);
    FloatVector c11 = FloatVector.fromArray(F, c, cAt + cRow + LANES);
    FloatVector c20 = FloatVector.fromArray(F, c, cAt + 2 * cRow);
    FloatVector c21 = FloatVector.fromArray(F, c, cAt + 2 * cRow + LANES);
    FloatVector c30 = FloatVector.fromArray(F, c, cAt + 3 * cRow);
    FloatVector c31 = FloatVector.fromArray(F, c, cAt + 3 * cRow + LANES);
    FloatVector c40 = FloatVector.fromArray(F, c, cAt + 4 * cRow);
    FloatVector c41 = FloatVector.fromArray(F, c, cAt + 4 * cRow + LANES);
    FloatVector c50 = FloatVector.fromArray(F, c, cAt + 5 * cRow);
    FloatVector c51 = FloatVector.fromArray(F, c, cAt + 5 * cRow + LANES);
    FloatVector c60 = FloatVector.fromArray(F, c, cAt + 6 * cRow);
    FloatVector c61 = FloatVector.fromArray(F, c, cAt + 6 * cRow + LANES);
    FloatVector c70 = FloatVector.fromArray(F, c, cAt + 7 * cRow);
    FloatVector c71 = FloatVector.fromArray(F, c, cAt + 7 * cRow + LANES);
    for (int p = 0; p < depth; p++, aAt += 8, bAt += 2 * LANES) {
      FloatVector b0 = FloatVector.fromArray(F, b, bAt);
      FloatVector b1 = FloatVector.fromArray(F, b, bAt + LANES);
      FloatVector alpha = FloatVector.broadcast(F, a[aAt]);
      c00 = alpha.fma(b0, c00);
      c01 = alpha.fma(b1, c01);
      alpha = FloatVector.broadcast(F, a[aAt + 1]);
      c10 = alpha.fma(b0, c10);
      c11 = alpha.fma(b1, c11);
      alpha = FloatVector.broadcast(F, a[aAt + 2]);
      c20 = alpha.fma(b0, c20);
      c21 = alpha.fma(b1, c21);
      alpha = FloatVector.broadcast(F, a[aAt + 3]);
      c30 = alpha.fma(b0, c30);
      c31 = alpha.fma(b1, c31);
      alpha = FloatVector.broadcast(F, a[aAt + 4]);
      c40 = alpha.fma(b0, c40);
      c41 = alpha.fma(b1, c41);
      alpha = FloatVector.broadcast(F, a[aAt + 5]);
      c50 = alpha.fma(b0, c50);
      c51 = alpha.fma(b1, c51);
      alpha = FloatVector.broadcast(F, a[aAt + 6]);
      c60 = alpha.fma(b0, c60);
      c61 = alpha.fma(b1, c61);
      alpha = FloatVector.broadcast(F, a[aAt + 7]);
      c70 = alpha.fma(b0, c70);
      c71 = alpha.fma(b1, c71);
    }
    c00.intoArray(c, cAt);
    c01.intoArray(c, cAt + LANES);
    c10.intoArray(c, cAt + cRow);
    c11.intoArray(c, cAt + cRow + LANES);
    c20.intoArray(c, cAt + 2 * cRow);
    c21.intoArray(c, cAt + 2 * cRow + LANES);
    c30.intoArray(c, cAt + 3 * cRow);
    c31.intoArray(c, cAt + 3 * cRow + LANES);
    c40.intoArray(c, cAt + 4 * cRow);
    c41.intoArray(c, cAt + 4 * cRow + LANES);
    c50.intoArray(c, cAt + 5 * cRow);
    c51.intoArray(c, cAt + 5 * cRow + LANES);
    c60.intoArray(c, cAt + 6 * cRow);
    c61.intoArray(c, cAt + 6 * cRow + LANES);
    c70.intoArray(c, cAt + 7 * cRow);
    c71.intoArray(c, cAt + 7 * cRow + LANES);
  }

  /** C block [6 x 2 vectors] += packed A [depth x 6] times packed B [depth x 2 vectors]. */
  static void rows6(
      int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int cRow) {
    FloatVector c00 = FloatVector.fromArray(F, c, cAt);
    FloatVector c01 = FloatVector.fromArray(F, c, cAt + LANES);
    FloatVector c10 = FloatVector.fromArray(F, c, cAt + cRow);
    FloatVector c11 = FloatVector.fromArray(F, c, cAt + cRow + LANES);
    FloatVector c20 = FloatVector.fromArray(F, c, cAt + 2 * cRow);
    FloatVector c21 = FloatVector.fromArray(F, c, cAt + 2 * cRow + LANES);
    FloatVector c30 = FloatVector.fromArray(F, c, cAt + 3 * cRow);
    FloatVector c31 = FloatVector.fromArray(F, c, cAt + 3 * cRow + LANES);
    FloatVector c40 = FloatVector.fromArray(F, c, cAt + 4 * cRow);
    FloatVector c41 = FloatVector.fromArray(F, c, cAt + 4 * cRow + LANES);
    FloatVector c50 = FloatVector.fromArray(F, c, cAt + 5 * cRow);
    FloatVector c51 = FloatVector.fromArray(F, c, cAt + 5 * cRow + LANES);
    for (int p = 0; p < depth; p++, aAt += 6, bAt += 2 * LANES) {
      FloatVector b0 = FloatVector.fromArray(F, b, bAt);
      FloatVector b1 = FloatVector.fromArray(F, b, bAt + LANES);
      FloatVector alpha = FloatVector.broadcast(F, a[aAt]);
      c00 = alpha.fma(b0, c00);
      c01 = alpha.fma(b1, c01);
      alpha = FloatVector.broadcast(F, a[aAt + 1]);
      c10 = alpha.fma(b0, c10);
      c11 = alpha.fma(b1, c11);
      alpha = FloatVector.broadcast(F, a[aAt + 2]);
      c20 = alpha.fma(b0, c20);
      c21 = alpha.fma(b1, c21);
      alpha = FloatVector.broadcast(F, a[aAt + 3]);
      c30 = alpha.fma(b0, c30);
      c31 = alpha.fma(b1, c31);
      alpha = FloatVector.broadcast(F, a[aAt + 4]);
      c40 = alpha.fma(b0, c40);
      c41 = alpha.fma(b1, c41);
      alpha = FloatVector.broadcast(F, a[aAt + 5]);
      c50 = alpha.fma(b0, c50);
      c51 = alpha.fma(b1, c51);
    }
    c00.intoArray(c, cAt);
    c01.intoArray(c, cAt + LANES);
    c10.intoArray(c, cAt + cRow);
    c11.intoArray(c, cAt + cRow + LANES);
    c20.intoArray(c, cAt + 2 * cRow);
    c21.intoArray(c, cAt + 2 * cRow + LANES);
    c30.intoArray(c, cAt + 3 * cRow);
    c31.intoArray(c, cAt + 3 * cRow + LANES);
    c40.intoArray(c, cAt + 4 * cRow);
    c41.intoArray(c, cAt + 4 * cRow + LANES);
    c50.intoArray(c, cAt + 5 * cRow);
    c51.intoArray(c, cAt + 5 * cRow + LANES);
  }
}
