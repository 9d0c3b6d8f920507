package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The canonical dot: 64 partials in 4, 8 or 16 vectors, one body for each width. Three small
 * methods and not one with branches: C2 would not inline the sum of them, at a third of the speed.
 */
final class SimdDot {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;

  private SimdDot() {}

  static float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    return switch (SimdLanes.COUNT) {
      case 16 -> dot512(a, aFrom, b, bFrom, length);
      case 8 -> dot256(a, aFrom, b, bFrom, length);
      default -> dot128(a, aFrom, b, bFrom, length);
    };
  }

  private static float dot512(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(F);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    int full = length & -64;
    for (int i = aFrom, j = bFrom; i < aFrom + full; i += 64, j += 64) {
      p0 = FloatVector.fromArray(F, a, i).fma(FloatVector.fromArray(F, b, j), p0);
      p1 = FloatVector.fromArray(F, a, i + 16).fma(FloatVector.fromArray(F, b, j + 16), p1);
      p2 = FloatVector.fromArray(F, a, i + 32).fma(FloatVector.fromArray(F, b, j + 32), p2);
      p3 = FloatVector.fromArray(F, a, i + 48).fma(FloatVector.fromArray(F, b, j + 48), p3);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = FloatVector.fromArray(F, x, 0).fma(FloatVector.fromArray(F, y, 0), p0);
      p1 = FloatVector.fromArray(F, x, 16).fma(FloatVector.fromArray(F, y, 16), p1);
      p2 = FloatVector.fromArray(F, x, 32).fma(FloatVector.fromArray(F, y, 32), p2);
      p3 = FloatVector.fromArray(F, x, 48).fma(FloatVector.fromArray(F, y, 48), p3);
    }
    FloatVector sums = p0.add(p1).add(p2.add(p3));
    sums = sums.add(sums.rearrange(SimdLanes.BY_8));
    sums = sums.add(sums.rearrange(SimdLanes.BY_4));
    sums = sums.add(sums.rearrange(SimdLanes.BY_2));
    sums = sums.add(sums.rearrange(SimdLanes.BY_1));
    return sums.lane(0);
  }

  private static float dot256(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(F);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector p4 = p0;
    FloatVector p5 = p0;
    FloatVector p6 = p0;
    FloatVector p7 = p0;
    int full = length & -64;
    for (int i = aFrom, j = bFrom; i < aFrom + full; i += 64, j += 64) {
      p0 = FloatVector.fromArray(F, a, i).fma(FloatVector.fromArray(F, b, j), p0);
      p1 = FloatVector.fromArray(F, a, i + 8).fma(FloatVector.fromArray(F, b, j + 8), p1);
      p2 = FloatVector.fromArray(F, a, i + 16).fma(FloatVector.fromArray(F, b, j + 16), p2);
      p3 = FloatVector.fromArray(F, a, i + 24).fma(FloatVector.fromArray(F, b, j + 24), p3);
      p4 = FloatVector.fromArray(F, a, i + 32).fma(FloatVector.fromArray(F, b, j + 32), p4);
      p5 = FloatVector.fromArray(F, a, i + 40).fma(FloatVector.fromArray(F, b, j + 40), p5);
      p6 = FloatVector.fromArray(F, a, i + 48).fma(FloatVector.fromArray(F, b, j + 48), p6);
      p7 = FloatVector.fromArray(F, a, i + 56).fma(FloatVector.fromArray(F, b, j + 56), p7);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = FloatVector.fromArray(F, x, 0).fma(FloatVector.fromArray(F, y, 0), p0);
      p1 = FloatVector.fromArray(F, x, 8).fma(FloatVector.fromArray(F, y, 8), p1);
      p2 = FloatVector.fromArray(F, x, 16).fma(FloatVector.fromArray(F, y, 16), p2);
      p3 = FloatVector.fromArray(F, x, 24).fma(FloatVector.fromArray(F, y, 24), p3);
      p4 = FloatVector.fromArray(F, x, 32).fma(FloatVector.fromArray(F, y, 32), p4);
      p5 = FloatVector.fromArray(F, x, 40).fma(FloatVector.fromArray(F, y, 40), p5);
      p6 = FloatVector.fromArray(F, x, 48).fma(FloatVector.fromArray(F, y, 48), p6);
      p7 = FloatVector.fromArray(F, x, 56).fma(FloatVector.fromArray(F, y, 56), p7);
    }
    FloatVector low = p0.add(p2).add(p4.add(p6));
    FloatVector high = p1.add(p3).add(p5.add(p7));
    FloatVector sums = low.add(high);
    sums = sums.add(sums.rearrange(SimdLanes.BY_4));
    sums = sums.add(sums.rearrange(SimdLanes.BY_2));
    sums = sums.add(sums.rearrange(SimdLanes.BY_1));
    return sums.lane(0);
  }

  private static float dot128(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(F);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector p4 = p0;
    FloatVector p5 = p0;
    FloatVector p6 = p0;
    FloatVector p7 = p0;
    FloatVector p8 = p0;
    FloatVector p9 = p0;
    FloatVector p10 = p0;
    FloatVector p11 = p0;
    FloatVector p12 = p0;
    FloatVector p13 = p0;
    FloatVector p14 = p0;
    FloatVector p15 = p0;
    int full = length & -64;
    for (int i = aFrom, j = bFrom; i < aFrom + full; i += 64, j += 64) {
      p0 = FloatVector.fromArray(F, a, i).fma(FloatVector.fromArray(F, b, j), p0);
      p1 = FloatVector.fromArray(F, a, i + 4).fma(FloatVector.fromArray(F, b, j + 4), p1);
      p2 = FloatVector.fromArray(F, a, i + 8).fma(FloatVector.fromArray(F, b, j + 8), p2);
      p3 = FloatVector.fromArray(F, a, i + 12).fma(FloatVector.fromArray(F, b, j + 12), p3);
      p4 = FloatVector.fromArray(F, a, i + 16).fma(FloatVector.fromArray(F, b, j + 16), p4);
      p5 = FloatVector.fromArray(F, a, i + 20).fma(FloatVector.fromArray(F, b, j + 20), p5);
      p6 = FloatVector.fromArray(F, a, i + 24).fma(FloatVector.fromArray(F, b, j + 24), p6);
      p7 = FloatVector.fromArray(F, a, i + 28).fma(FloatVector.fromArray(F, b, j + 28), p7);
      p8 = FloatVector.fromArray(F, a, i + 32).fma(FloatVector.fromArray(F, b, j + 32), p8);
      p9 = FloatVector.fromArray(F, a, i + 36).fma(FloatVector.fromArray(F, b, j + 36), p9);
      p10 = FloatVector.fromArray(F, a, i + 40).fma(FloatVector.fromArray(F, b, j + 40), p10);
      p11 = FloatVector.fromArray(F, a, i + 44).fma(FloatVector.fromArray(F, b, j + 44), p11);
      p12 = FloatVector.fromArray(F, a, i + 48).fma(FloatVector.fromArray(F, b, j + 48), p12);
      p13 = FloatVector.fromArray(F, a, i + 52).fma(FloatVector.fromArray(F, b, j + 52), p13);
      p14 = FloatVector.fromArray(F, a, i + 56).fma(FloatVector.fromArray(F, b, j + 56), p14);
      p15 = FloatVector.fromArray(F, a, i + 60).fma(FloatVector.fromArray(F, b, j + 60), p15);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = FloatVector.fromArray(F, x, 0).fma(FloatVector.fromArray(F, y, 0), p0);
      p1 = FloatVector.fromArray(F, x, 4).fma(FloatVector.fromArray(F, y, 4), p1);
      p2 = FloatVector.fromArray(F, x, 8).fma(FloatVector.fromArray(F, y, 8), p2);
      p3 = FloatVector.fromArray(F, x, 12).fma(FloatVector.fromArray(F, y, 12), p3);
      p4 = FloatVector.fromArray(F, x, 16).fma(FloatVector.fromArray(F, y, 16), p4);
      p5 = FloatVector.fromArray(F, x, 20).fma(FloatVector.fromArray(F, y, 20), p5);
      p6 = FloatVector.fromArray(F, x, 24).fma(FloatVector.fromArray(F, y, 24), p6);
      p7 = FloatVector.fromArray(F, x, 28).fma(FloatVector.fromArray(F, y, 28), p7);
      p8 = FloatVector.fromArray(F, x, 32).fma(FloatVector.fromArray(F, y, 32), p8);
      p9 = FloatVector.fromArray(F, x, 36).fma(FloatVector.fromArray(F, y, 36), p9);
      p10 = FloatVector.fromArray(F, x, 40).fma(FloatVector.fromArray(F, y, 40), p10);
      p11 = FloatVector.fromArray(F, x, 44).fma(FloatVector.fromArray(F, y, 44), p11);
      p12 = FloatVector.fromArray(F, x, 48).fma(FloatVector.fromArray(F, y, 48), p12);
      p13 = FloatVector.fromArray(F, x, 52).fma(FloatVector.fromArray(F, y, 52), p13);
      p14 = FloatVector.fromArray(F, x, 56).fma(FloatVector.fromArray(F, y, 56), p14);
      p15 = FloatVector.fromArray(F, x, 60).fma(FloatVector.fromArray(F, y, 60), p15);
    }
    FloatVector q0 = p0.add(p4).add(p8.add(p12));
    FloatVector q1 = p1.add(p5).add(p9.add(p13));
    FloatVector q2 = p2.add(p6).add(p10.add(p14));
    FloatVector q3 = p3.add(p7).add(p11.add(p15));
    FloatVector sums = q0.add(q2).add(q1.add(q3));
    sums = sums.add(sums.rearrange(SimdLanes.BY_2));
    sums = sums.add(sums.rearrange(SimdLanes.BY_1));
    return sums.lane(0);
  }

  // A masked load beyond the end of the array is a loop of boxed lanes on JDK 17; a short copy is
  // not.
  private static float[] padded(float[] values, int from, int length) {
    float[] block = new float[64];
    System.arraycopy(values, from, block, 0, length);
    return block;
  }
}
