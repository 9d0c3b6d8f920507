package io.millrace.kernel;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@link RowMeans} for {@link SimdColumnKernels}: a vector of columns at a time. */
final class SimdRowMeans {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final int LANES = SimdLanes.COUNT;
  private static final int WIDE = D.length();

  private SimdRowMeans() {}

  static void means(
      RowMeans means, float[][] rows, int from, int length, float[][] out, int outFrom) {
    double[] table = means.table();
    int c = 0;
    for (; c <= length - LANES; c += LANES) {
      for (int row = 0; row < means.rows(); row += RowMeans.FOUR) {
        subsets(rows, row, from + c, table);
      }
      for (int mean = 0; mean < means.size(); mean++) {
        mean(table, means.places(mean), means.share(mean), out[mean], outFrom + c);
      }
    }
    for (; c < length; c++) {
      ScalarColumnKernels.column(means, rows, from + c, out, outFrom + c);
    }
  }

  /** Sums of the subsets of rows {@code row} to {@code row + 3}; rows past the end are in none. */
  private static void subsets(float[][] rows, int row, int from, double[] table) {
    int last = rows.length - 1;
    FloatVector x0 = FloatVector.fromArray(F, rows[row], from);
    FloatVector x1 = FloatVector.fromArray(F, rows[Math.min(row + 1, last)], from);
    FloatVector x2 = FloatVector.fromArray(F, rows[Math.min(row + 2, last)], from);
    FloatVector x3 = FloatVector.fromArray(F, rows[Math.min(row + 3, last)], from);
    int at = row / RowMeans.FOUR * RowMeans.SUBSETS * LANES;
    DoubleVector s1 = (DoubleVector) x0.convertShape(VectorOperators.F2D, D, 0);
    DoubleVector s2 = (DoubleVector) x1.convertShape(VectorOperators.F2D, D, 0);
    DoubleVector s3 = s1.add(s2);
    DoubleVector s4 = (DoubleVector) x2.convertShape(VectorOperators.F2D, D, 0);
    DoubleVector s8 = (DoubleVector) x3.convertShape(VectorOperators.F2D, D, 0);
    s1.intoArray(table, at + LANES);
    s2.intoArray(table, at + 2 * LANES);
    s3.intoArray(table, at + 3 * LANES);
    s4.intoArray(table, at + 4 * LANES);
    s1.add(s4).intoArray(table, at + 5 * LANES);
    s2.add(s4).intoArray(table, at + 6 * LANES);
    s3.add(s4).intoArray(table, at + 7 * LANES);
    s8.intoArray(table, at + 8 * LANES);
    s1.add(s8).intoArray(table, at + 9 * LANES);
    s2.add(s8).intoArray(table, at + 10 * LANES);
    s3.add(s8).intoArray(table, at + 11 * LANES);
    s4.add(s8).intoArray(table, at + 12 * LANES);
    s1.add(s4).add(s8).intoArray(table, at + 13 * LANES);
    s2.add(s4).add(s8).intoArray(table, at + 14 * LANES);
    s3.add(s4).add(s8).intoArray(table, at + 15 * LANES);
    s1 = (DoubleVector) x0.convertShape(VectorOperators.F2D, D, 1);
    s2 = (DoubleVector) x1.convertShape(VectorOperators.F2D, D, 1);
    s3 = s1.add(s2);
    s4 = (DoubleVector) x2.convertShape(VectorOperators.F2D, D, 1);
    s8 = (DoubleVector) x3.convertShape(VectorOperators.F2D, D, 1);
    s1.intoArray(table, at + LANES + WIDE);
    s2.intoArray(table, at + 2 * LANES + WIDE);
    s3.intoArray(table, at + 3 * LANES + WIDE);
    s4.intoArray(table, at + 4 * LANES + WIDE);
    s1.add(s4).intoArray(table, at + 5 * LANES + WIDE);
    s2.add(s4).intoArray(table, at + 6 * LANES + WIDE);
    s3.add(s4).intoArray(table, at + 7 * LANES + WIDE);
    s8.intoArray(table, at + 8 * LANES + WIDE);
    s1.add(s8).intoArray(table, at + 9 * LANES + WIDE);
    s2.add(s8).intoArray(table, at + 10 * LANES + WIDE);
    s3.add(s8).intoArray(table, at + 11 * LANES + WIDE);
    s4.add(s8).intoArray(table, at + 12 * LANES + WIDE);
    s1.add(s4).add(s8).intoArray(table, at + 13 * LANES + WIDE);
    s2.add(s4).add(s8).intoArray(table, at + 14 * LANES + WIDE);
    s3.add(s4).add(s8).intoArray(table, at + 15 * LANES + WIDE);
  }

  private static void mean(double[] table, int[] places, double share, float[] out, int outFrom) {
    DoubleVector low = DoubleVector.zero(D);
    DoubleVector high = low;
    for (int place : places) {
      low = low.add(DoubleVector.fromArray(D, table, place * LANES));
      high = high.add(DoubleVector.fromArray(D, table, place * LANES + WIDE));
    }
    FloatVector left = (FloatVector) low.mul(share).convertShape(VectorOperators.D2F, F, 0);
    FloatVector right = (FloatVector) high.mul(share).convertShape(VectorOperators.D2F, F, -1);
    left.reinterpretAsInts()
        .or(right.reinterpretAsInts())
        .reinterpretAsFloats()
        .intoArray(out, outFrom);
  }
}
