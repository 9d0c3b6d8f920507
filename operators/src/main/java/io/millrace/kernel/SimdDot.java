package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;

/**
 * The canonical dot: 64 partials in 4, 8 or 16 vectors, one body for each width. Three small
 * methods and not one with branches: C2 would not inline the sum of them, at a third of the speed.
 */
final class SimdDot {
  private SimdDot() {}

  static float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    return switch (SimdLanes.COUNT) {
      case 16 -> dot512(a, aFrom, b, bFrom, length);
      case 8 -> dot256(a, aFrom, b, bFrom, length);
      default -> dot128(a, aFrom, b, bFrom, length);
    };
  }

  private static float dot512(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(SimdLanes.FLOATS);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    int full = length & -64;
    for (int i = aFrom, j = bFrom; i < aFrom + full; i += 64, j += 64) {
      p0 = step(a, i, b, j, p0);
      p1 = step(a, i + 16, b, j + 16, p1);
      p2 = step(a, i + 32, b, j + 32, p2);
      p3 = step(a, i + 48, b, j + 48, p3);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = step(x, 0, y, 0, p0);
      p1 = step(x, 16, y, 16, p1);
      p2 = step(x, 32, y, 32, p2);
      p3 = step(x, 48, y, 48, p3);
    }
    return SimdLanes.fold(p0.add(p1).add(p2.add(p3)));
  }

  private static float dot256(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(SimdLanes.FLOATS);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector p4 = p0;
    FloatVector p5 = p0;
    FloatVector p6 = p0;
    FloatVector p7 = p0;
    int full = length & -64;
    for (int i = aFrom, j = bFrom; i < aFrom + full; i += 64, j += 64) {
      p0 = step(a, i, b, j, p0);
      p1 = step(a, i + 8, b, j + 8, p1);
      p2 = step(a, i + 16, b, j + 16, p2);
      p3 = step(a, i + 24, b, j + 24, p3);
      p4 = step(a, i + 32, b, j + 32, p4);
      p5 = step(a, i + 40, b, j + 40, p5);
      p6 = step(a, i + 48, b, j + 48, p6);
      p7 = step(a, i + 56, b, j + 56, p7);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = step(x, 0, y, 0, p0);
      p1 = step(x, 8, y, 8, p1);
      p2 = step(x, 16, y, 16, p2);
      p3 = step(x, 24, y, 24, p3);
      p4 = step(x, 32, y, 32, p4);
      p5 = step(x, 40, y, 40, p5);
      p6 = step(x, 48, y, 48, p6);
      p7 = step(x, 56, y, 56, p7);
    }
    FloatVector low = p0.add(p2).add(p4.add(p6));
    FloatVector high = p1.add(p3).add(p5.add(p7));
    return SimdLanes.fold(low.add(high));
  }

  private static float dot128(float[] a, int aFrom, float[] b, int bFrom, int length) {
    FloatVector p0 = FloatVector.zero(SimdLanes.FLOATS);
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
      p0 = step(a, i, b, j, p0);
      p1 = step(a, i + 4, b, j + 4, p1);
      p2 = step(a, i + 8, b, j + 8, p2);
      p3 = step(a, i + 12, b, j + 12, p3);
      p4 = step(a, i + 16, b, j + 16, p4);
      p5 = step(a, i + 20, b, j + 20, p5);
      p6 = step(a, i + 24, b, j + 24, p6);
      p7 = step(a, i + 28, b, j + 28, p7);
      p8 = step(a, i + 32, b, j + 32, p8);
      p9 = step(a, i + 36, b, j + 36, p9);
      p10 = step(a, i + 40, b, j + 40, p10);
      p11 = step(a, i + 44, b, j + 44, p11);
      p12 = step(a, i + 48, b, j + 48, p12);
      p13 = step(a, i + 52, b, j + 52, p13);
      p14 = step(a, i + 56, b, j + 56, p14);
      p15 = step(a, i + 60, b, j + 60, p15);
    }
    if (full < length) {
      float[] x = padded(a, aFrom + full, length - full);
      float[] y = padded(b, bFrom + full, length - full);
      p0 = step(x, 0, y, 0, p0);
      p1 = step(x, 4, y, 4, p1);
      p2 = step(x, 8, y, 8, p2);
      p3 = step(x, 12, y, 12, p3);
      p4 = step(x, 16, y, 16, p4);
      p5 = step(x, 20, y, 20, p5);
      p6 = step(x, 24, y, 24, p6);
      p7 = step(x, 28, y, 28, p7);
      p8 = step(x, 32, y, 32, p8);
      p9 = step(x, 36, y, 36, p9);
      p10 = step(x, 40, y, 40, p10);
      p11 = step(x, 44, y, 44, p11);
      p12 = step(x, 48, y, 48, p12);
      p13 = step(x, 52, y, 52, p13);
      p14 = step(x, 56, y, 56, p14);
      p15 = step(x, 60, y, 60, p15);
    }
    FloatVector q0 = p0.add(p4).add(p8.add(p12));
    FloatVector q1 = p1.add(p5).add(p9.add(p13));
    FloatVector q2 = p2.add(p6).add(p10.add(p14));
    FloatVector q3 = p3.add(p7).add(p11.add(p15));
    return SimdLanes.fold(q0.add(q2).add(q1.add(q3)));
  }

  private static FloatVector step(float[] a, int aAt, float[] b, int bAt, FloatVector partial) {
    return SimdLanes.load(a, aAt).fma(SimdLanes.load(b, bAt), partial);
  }

  // A masked load beyond the end of the array is a loop of boxed lanes on JDK 17; a short copy is
  // not.
  private static float[] padded(float[] values, int from, int length) {
    float[] block = new float[64];
    System.arraycopy(values, from, block, 0, length);
    return block;
  }
}
