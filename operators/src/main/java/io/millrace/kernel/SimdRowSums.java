package io.millrace.kernel;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Sums of many rows, four rows at a time, for {@link SimdColumnKernels}. */
final class SimdRowSums {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final VectorSpecies<Long> L = VectorSpecies.of(long.class, F.vectorShape());
  private static final int LANES = SimdLanes.COUNT;
  private static final int WIDE = D.length();
  private static final double ROUNDING = ColumnKernels.ROUNDING;

  private SimdRowSums() {}

  /**
   * Fixed-point terms of rows {@code row} to {@code row + 3}.
   *
   * @param largest [LANES] the largest |x| so far as ints, updated
   * @return how many columns were added, from the first on
   */
  static int addFixed(
      float[][] rows,
      int row,
      int from,
      double[] factors,
      long[] sum,
      int sumFrom,
      int length,
      int[] largest) {
    float[] x0 = rows[row];
    float[] x1 = rows[row + 1];
    float[] x2 = rows[row + 2];
    float[] x3 = rows[row + 3];
    DoubleVector f0 = DoubleVector.broadcast(D, factors[row]);
    DoubleVector f1 = DoubleVector.broadcast(D, factors[row + 1]);
    DoubleVector f2 = DoubleVector.broadcast(D, factors[row + 2]);
    DoubleVector f3 = DoubleVector.broadcast(D, factors[row + 3]);
    long bits = 4 * Double.doubleToRawLongBits(ROUNDING);
    IntVector most = IntVector.fromArray(I, largest, 0);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v0 = FloatVector.fromArray(F, x0, from + i);
      FloatVector v1 = FloatVector.fromArray(F, x1, from + i);
      FloatVector v2 = FloatVector.fromArray(F, x2, from + i);
      FloatVector v3 = FloatVector.fromArray(F, x3, from + i);
      most = most.max(v0.reinterpretAsInts().and(Integer.MAX_VALUE));
      most = most.max(v1.reinterpretAsInts().and(Integer.MAX_VALUE));
      most = most.max(v2.reinterpretAsInts().and(Integer.MAX_VALUE));
      most = most.max(v3.reinterpretAsInts().and(Integer.MAX_VALUE));
      LongVector low = LongVector.fromArray(L, sum, sumFrom + i).sub(bits);
      LongVector high = LongVector.fromArray(L, sum, sumFrom + i + WIDE).sub(bits);
      low =
          low.add(
              ((DoubleVector) v0.convertShape(VectorOperators.F2D, D, 0))
                  .mul(f0)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      high =
          high.add(
              ((DoubleVector) v0.convertShape(VectorOperators.F2D, D, 1))
                  .mul(f0)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      low =
          low.add(
              ((DoubleVector) v1.convertShape(VectorOperators.F2D, D, 0))
                  .mul(f1)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      high =
          high.add(
              ((DoubleVector) v1.convertShape(VectorOperators.F2D, D, 1))
                  .mul(f1)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      low =
          low.add(
              ((DoubleVector) v2.convertShape(VectorOperators.F2D, D, 0))
                  .mul(f2)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      high =
          high.add(
              ((DoubleVector) v2.convertShape(VectorOperators.F2D, D, 1))
                  .mul(f2)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      low =
          low.add(
              ((DoubleVector) v3.convertShape(VectorOperators.F2D, D, 0))
                  .mul(f3)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      high =
          high.add(
              ((DoubleVector) v3.convertShape(VectorOperators.F2D, D, 1))
                  .mul(f3)
                  .add(ROUNDING)
                  .reinterpretAsLongs());
      low.intoArray(sum, sumFrom + i);
      high.intoArray(sum, sumFrom + i + WIDE);
    }
    most.intoArray(largest, 0);
    return i;
  }

  /**
   * The largest |x|.
   *
   * @param largest [LANES] the largest |x| so far as ints, updated
   */
  static void largest(float[] x, int from, int length, int[] largest) {
    IntVector most = IntVector.fromArray(I, largest, 0);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      IntVector bits = FloatVector.fromArray(F, x, from + i).reinterpretAsInts();
      most = most.max(bits.and(Integer.MAX_VALUE));
    }
    most.intoArray(largest, 0);
    for (; i < length; i++) {
      int bits = Float.floatToRawIntBits(x[from + i]) & Integer.MAX_VALUE;
      largest[0] = Math.max(largest[0], bits);
    }
  }

  /**
   * A weighted sum of members {@code first} to {@code first + 3}.
   *
   * @return how many columns were added, from the first on
   */
  static int addWeighted(
      float[][] rows,
      int[] members,
      int first,
      double[] weights,
      int from,
      int length,
      double[] out,
      int outFrom) {
    float[] x0 = rows[members[first]];
    float[] x1 = rows[members[first + 1]];
    float[] x2 = rows[members[first + 2]];
    float[] x3 = rows[members[first + 3]];
    DoubleVector w0 = DoubleVector.broadcast(D, weights[first]);
    DoubleVector w1 = DoubleVector.broadcast(D, weights[first + 1]);
    DoubleVector w2 = DoubleVector.broadcast(D, weights[first + 2]);
    DoubleVector w3 = DoubleVector.broadcast(D, weights[first + 3]);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector v0 = FloatVector.fromArray(F, x0, from + i);
      FloatVector v1 = FloatVector.fromArray(F, x1, from + i);
      FloatVector v2 = FloatVector.fromArray(F, x2, from + i);
      FloatVector v3 = FloatVector.fromArray(F, x3, from + i);
      DoubleVector low = DoubleVector.fromArray(D, out, outFrom + i);
      DoubleVector high = DoubleVector.fromArray(D, out, outFrom + i + WIDE);
      low = w0.fma((DoubleVector) v0.convertShape(VectorOperators.F2D, D, 0), low);
      high = w0.fma((DoubleVector) v0.convertShape(VectorOperators.F2D, D, 1), high);
      low = w1.fma((DoubleVector) v1.convertShape(VectorOperators.F2D, D, 0), low);
      high = w1.fma((DoubleVector) v1.convertShape(VectorOperators.F2D, D, 1), high);
      low = w2.fma((DoubleVector) v2.convertShape(VectorOperators.F2D, D, 0), low);
      high = w2.fma((DoubleVector) v2.convertShape(VectorOperators.F2D, D, 1), high);
      low = w3.fma((DoubleVector) v3.convertShape(VectorOperators.F2D, D, 0), low);
      high = w3.fma((DoubleVector) v3.convertShape(VectorOperators.F2D, D, 1), high);
      low.intoArray(out, outFrom + i);
      high.intoArray(out, outFrom + i + WIDE);
    }
    return i;
  }
}
