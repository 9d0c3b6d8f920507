package io.millrace.kernel;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API. No method of these classes takes or returns a vector: C2 stops
 * inlining methods of ours where a caller grows large or one of them exceeds 325 bytecodes, and a
 * vector that crosses a call is boxed; the methods of the API itself it always inlines. Only
 * lane-wise operations and exact integer maxima: the order of a float {@code reduceLanes} is open,
 * and changes within a process on JDK 25.
 */
final class SimdKernels implements VectorKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final int LANES = SimdLanes.COUNT;
  private static final int MAGNITUDE = 0x7fffffff;

  private final CodeKernels codes = new SimdCodeKernels();
  private final HalfKernels halves = new SimdHalfKernels();
  private final LevelKernels levels = new SimdLevelKernels();

  SimdKernels() {
    if (LANES < 4) {
      throw new UnsupportedOperationException("vector lanes: got " + LANES + ", expected 4 to 16");
    }
  }

  @Override
  public String name() {
    return "simd-" + LANES * Float.SIZE;
  }

  @Override
  public CodeKernels codes() {
    return codes;
  }

  @Override
  public LevelKernels levels() {
    return levels;
  }

  @Override
  public HalfKernels halves() {
    return halves;
  }

  @Override
  public float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    return SimdDot.dot(a, aFrom, b, bFrom, length);
  }

  @Override
  public void axpy(float alpha, float[] x, int xFrom, float[] y, int yFrom, int length) {
    FloatVector factor = FloatVector.broadcast(F, alpha);
    int i = 0;
    for (; i <= length - 4 * LANES; i += 4 * LANES) {
      factor
          .fma(FloatVector.fromArray(F, x, xFrom + i), FloatVector.fromArray(F, y, yFrom + i))
          .intoArray(y, yFrom + i);
      factor
          .fma(
              FloatVector.fromArray(F, x, xFrom + i + LANES),
              FloatVector.fromArray(F, y, yFrom + i + LANES))
          .intoArray(y, yFrom + i + LANES);
      factor
          .fma(
              FloatVector.fromArray(F, x, xFrom + i + 2 * LANES),
              FloatVector.fromArray(F, y, yFrom + i + 2 * LANES))
          .intoArray(y, yFrom + i + 2 * LANES);
      factor
          .fma(
              FloatVector.fromArray(F, x, xFrom + i + 3 * LANES),
              FloatVector.fromArray(F, y, yFrom + i + 3 * LANES))
          .intoArray(y, yFrom + i + 3 * LANES);
    }
    for (; i <= length - LANES; i += LANES) {
      factor
          .fma(FloatVector.fromArray(F, x, xFrom + i), FloatVector.fromArray(F, y, yFrom + i))
          .intoArray(y, yFrom + i);
    }
    for (; i < length; i++) {
      y[yFrom + i] = Math.fma(alpha, x[xFrom + i], y[yFrom + i]);
    }
  }

  @Override
  public void scale(float alpha, float[] x, int from, int length) {
    FloatVector factor = FloatVector.broadcast(F, alpha);
    int i = from;
    for (int end = from + length - LANES; i <= end; i += LANES) {
      factor.mul(FloatVector.fromArray(F, x, i)).intoArray(x, i);
    }
    for (; i < from + length; i++) {
      x[i] = alpha * x[i];
    }
  }

  // Eight rows at a time, streaming along the columns: sequential reads beat column blocks.
  @Override
  public void gemv(float[] a, int aFrom, float[] x, int xFrom, float[] y, int yFrom, int m, int n) {
    Arrays.fill(y, yFrom, yFrom + n, 0f);
    int whole = n - n % LANES;
    int i = 0;
    for (; i + 7 < m; i += 8) {
      addEightRows(a, aFrom + i * n, n, x, xFrom + i, y, yFrom, whole);
    }
    for (; i < m; i++) {
      axpy(x[xFrom + i], a, aFrom + i * n, y, yFrom, whole);
    }
    for (int j = whole; j < n; j++) {
      float sum = 0f;
      for (int r = 0; r < m; r++) {
        sum = Math.fma(x[xFrom + r], a[aFrom + r * n + j], sum);
      }
      y[yFrom + j] = sum;
    }
  }

  private static void addEightRows(
      float[] a, int aFrom, int n, float[] x, int xFrom, float[] y, int yFrom, int length) {
    FloatVector x0 = FloatVector.broadcast(F, x[xFrom]);
    FloatVector x1 = FloatVector.broadcast(F, x[xFrom + 1]);
    FloatVector x2 = FloatVector.broadcast(F, x[xFrom + 2]);
    FloatVector x3 = FloatVector.broadcast(F, x[xFrom + 3]);
    FloatVector x4 = FloatVector.broadcast(F, x[xFrom + 4]);
    FloatVector x5 = FloatVector.broadcast(F, x[xFrom + 5]);
    FloatVector x6 = FloatVector.broadcast(F, x[xFrom + 6]);
    FloatVector x7 = FloatVector.broadcast(F, x[xFrom + 7]);
    for (int j = 0, o = aFrom; j < length; j += LANES, o += LANES) {
      FloatVector sum =
          x0.fma(FloatVector.fromArray(F, a, o), FloatVector.fromArray(F, y, yFrom + j));
      sum = x1.fma(FloatVector.fromArray(F, a, o + n), sum);
      sum = x2.fma(FloatVector.fromArray(F, a, o + 2 * n), sum);
      sum = x3.fma(FloatVector.fromArray(F, a, o + 3 * n), sum);
      sum = x4.fma(FloatVector.fromArray(F, a, o + 4 * n), sum);
      sum = x5.fma(FloatVector.fromArray(F, a, o + 5 * n), sum);
      sum = x6.fma(FloatVector.fromArray(F, a, o + 6 * n), sum);
      x7.fma(FloatVector.fromArray(F, a, o + 7 * n), sum).intoArray(y, yFrom + j);
    }
  }

  @Override
  public void gemmAdd(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      GemmScratch scratch) {
    SimdGemm.add(a, aFrom, b, bFrom, c, cFrom, m, n, k, scratch);
  }

  @Override
  public void gramAddUpper(
      float[] a,
      int aFrom,
      float[] transposed,
      int transposedFrom,
      float[] c,
      int cFrom,
      int m,
      int k,
      GemmScratch scratch) {
    SimdGemm.add(a, aFrom, transposed, transposedFrom, c, cFrom, m, m, k, true, scratch);
  }

  @Override
  public int argmaxAbs(float[] x, int from, int length) {
    int largest = largestMagnitude(x, from, length);
    IntVector magnitude = IntVector.broadcast(SimdLanes.INTS, MAGNITUDE);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      VectorMask<Integer> hits =
          FloatVector.fromArray(F, x, from + i)
              .reinterpretAsInts()
              .and(magnitude)
              .compare(VectorOperators.EQ, largest);
      if (hits.anyTrue()) {
        return i + hits.firstTrue();
      }
    }
    for (; i < length; i++) {
      if (magnitude(x[from + i]) == largest) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public float maxAbs(float[] x, int from, int length) {
    return Float.intBitsToFloat(largestMagnitude(x, from, length));
  }

  private static int largestMagnitude(float[] x, int from, int length) {
    IntVector magnitude = IntVector.broadcast(SimdLanes.INTS, MAGNITUDE);
    IntVector m0 = IntVector.zero(SimdLanes.INTS);
    IntVector m1 = m0;
    IntVector m2 = m0;
    IntVector m3 = m0;
    int i = 0;
    for (; i <= length - 4 * LANES; i += 4 * LANES) {
      m0 = m0.max(FloatVector.fromArray(F, x, from + i).reinterpretAsInts().and(magnitude));
      m1 = m1.max(FloatVector.fromArray(F, x, from + i + LANES).reinterpretAsInts().and(magnitude));
      m2 =
          m2.max(
              FloatVector.fromArray(F, x, from + i + 2 * LANES).reinterpretAsInts().and(magnitude));
      m3 =
          m3.max(
              FloatVector.fromArray(F, x, from + i + 3 * LANES).reinterpretAsInts().and(magnitude));
    }
    for (; i <= length - LANES; i += LANES) {
      m0 = m0.max(FloatVector.fromArray(F, x, from + i).reinterpretAsInts().and(magnitude));
    }
    int largest = m0.max(m1).max(m2.max(m3)).reduceLanes(VectorOperators.MAX);
    for (; i < length; i++) {
      largest = Math.max(largest, magnitude(x[from + i]));
    }
    return largest;
  }

  private static int magnitude(float x) {
    return Float.floatToRawIntBits(x) & MAGNITUDE;
  }

  @Override
  public void subtractRows(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      float[] out,
      int outFrom) {
    int j = 0;
    for (; j <= rowLength - 4 * LANES; j += 4 * LANES) {
      subtractFour(
          base, baseFrom + j, coefficients, rows, count, matrix, rowLength, j, out, outFrom + j);
    }
    for (; j <= rowLength - LANES; j += LANES) {
      FloatVector sum = FloatVector.fromArray(F, base, baseFrom + j);
      for (int i = 0; i < count; i++) {
        sum =
            FloatVector.broadcast(F, -coefficients[i])
                .fma(FloatVector.fromArray(F, matrix, rows[i] * rowLength + j), sum);
      }
      sum.intoArray(out, outFrom + j);
    }
    for (; j < rowLength; j++) {
      float sum = base[baseFrom + j];
      for (int i = 0; i < count; i++) {
        sum = Math.fma(-coefficients[i], matrix[rows[i] * rowLength + j], sum);
      }
      out[outFrom + j] = sum;
    }
  }

  private static void subtractFour(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      int column,
      float[] out,
      int outFrom) {
    FloatVector s0 = FloatVector.fromArray(F, base, baseFrom);
    FloatVector s1 = FloatVector.fromArray(F, base, baseFrom + LANES);
    FloatVector s2 = FloatVector.fromArray(F, base, baseFrom + 2 * LANES);
    FloatVector s3 = FloatVector.fromArray(F, base, baseFrom + 3 * LANES);
    for (int i = 0; i < count; i++) {
      FloatVector factor = FloatVector.broadcast(F, -coefficients[i]);
      int o = rows[i] * rowLength + column;
      s0 = factor.fma(FloatVector.fromArray(F, matrix, o), s0);
      s1 = factor.fma(FloatVector.fromArray(F, matrix, o + LANES), s1);
      s2 = factor.fma(FloatVector.fromArray(F, matrix, o + 2 * LANES), s2);
      s3 = factor.fma(FloatVector.fromArray(F, matrix, o + 3 * LANES), s3);
    }
    s0.intoArray(out, outFrom);
    s1.intoArray(out, outFrom + LANES);
    s2.intoArray(out, outFrom + 2 * LANES);
    s3.intoArray(out, outFrom + 3 * LANES);
  }
}
