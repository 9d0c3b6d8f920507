package io.millrace.kernel;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API; see {@link SimdKernels} for what it may not do.
 *
 * <p>Floats are loaded at full width only and widened half by half. A second shape of float vectors
 * anywhere in the process, even once at start, leaves two receivers in the profiles of the methods
 * that all float vectors share, and JDK 17 then boxes the accumulators of every kernel: a matrix
 * product fell from 125 to 2.8 GFLOP/s.
 */
final class SimdColumnKernels implements ColumnKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final VectorSpecies<Long> L = VectorSpecies.of(long.class, F.vectorShape());

  private static final int LANES = SimdLanes.COUNT;
  private static final int WIDE = D.length();
  private static final int TILE = 4;

  @Override
  public void addFixed(float[] x, int from, double factor, long[] sum, int sumFrom, int length) {
    long bits = Double.doubleToRawLongBits(ROUNDING);
    DoubleVector factors = DoubleVector.broadcast(D, factor);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      FloatVector values = FloatVector.fromArray(F, x, from + i);
      addTerms(low(values), factors, bits, sum, sumFrom + i);
      addTerms(high(values), factors, bits, sum, sumFrom + i + WIDE);
    }
    for (; i < length; i++) {
      sum[sumFrom + i] += Double.doubleToRawLongBits(x[from + i] * factor + ROUNDING) - bits;
    }
  }

  @Override
  public float addFixed(
      float[][] rows, int count, int from, double[] factors, long[] sum, int sumFrom, int length) {
    int[] most = new int[LANES];
    int row = 0;
    for (; row <= count - 4; row += 4) {
      int done = SimdRowSums.addFixed(rows, row, from, factors, sum, sumFrom, length, most);
      for (int r = row; r < row + 4 && done < length; r++) {
        addFixed(rows[r], from + done, factors[r], sum, sumFrom + done, length - done);
        SimdRowSums.largest(rows[r], from + done, length - done, most);
      }
    }
    for (; row < count; row++) {
      addFixed(rows[row], from, factors[row], sum, sumFrom, length);
      SimdRowSums.largest(rows[row], from, length, most);
    }
    int largest = 0;
    for (int bits : most) {
      largest = Math.max(largest, bits);
    }
    return Float.intBitsToFloat(largest);
  }

  @Override
  public void addWeighted(
      float[][] rows,
      int[] members,
      int count,
      double[] weights,
      int from,
      int length,
      double[] out,
      int outFrom) {
    int i = 0;
    for (; i <= count - 4; i += 4) {
      int done = SimdRowSums.addWeighted(rows, members, i, weights, from, length, out, outFrom);
      for (int m = i; m < i + 4; m++) {
        addWeighted(rows[members[m]], weights[m], from, done, length, out, outFrom);
      }
    }
    for (; i < count; i++) {
      addWeighted(rows[members[i]], weights[i], from, 0, length, out, outFrom);
    }
  }

  private static void addWeighted(
      float[] x, double weight, int from, int start, int length, double[] out, int outFrom) {
    DoubleVector weights = DoubleVector.broadcast(D, weight);
    int i = start;
    for (; i <= length - LANES; i += LANES) {
      FloatVector values = FloatVector.fromArray(F, x, from + i);
      weights
          .fma(low(values), DoubleVector.fromArray(D, out, outFrom + i))
          .intoArray(out, outFrom + i);
      weights
          .fma(high(values), DoubleVector.fromArray(D, out, outFrom + i + WIDE))
          .intoArray(out, outFrom + i + WIDE);
    }
    for (; i < length; i++) {
      out[outFrom + i] = Math.fma(weight, x[from + i], out[outFrom + i]);
    }
  }

  @Override
  public void means(
      RowMeans means, float[][] rows, int from, int length, float[][] out, int outFrom) {
    SimdRowMeans.means(means, rows, from, length, out, outFrom);
  }

  private static void addTerms(
      DoubleVector values, DoubleVector factors, long bits, long[] sum, int at) {
    values
        .mul(factors)
        .add(ROUNDING)
        .reinterpretAsLongs()
        .sub(bits)
        .add(LongVector.fromArray(L, sum, at))
        .intoArray(sum, at);
  }

  static DoubleVector low(FloatVector values) {
    return (DoubleVector) values.convertShape(VectorOperators.F2D, D, 0);
  }

  static DoubleVector high(FloatVector values) {
    return (DoubleVector) values.convertShape(VectorOperators.F2D, D, 1);
  }

  @Override
  public void rank(RankNetwork network, float[][] rows, int from, int length, float[] out) {
    SimdRanks.run(network, rows, from, length);
    SimdRanks.store(network, length, out);
  }

  @Override
  public void rankMean(
      RankNetwork network, float[][] rows, int from, int length, double[] out, int outFrom) {
    SimdRanks.run(network, rows, from, length);
    SimdRanks.means(network, length, out, outFrom);
  }

  @Override
  public void sumRows(float[][] rows, int[] members, int from, int length, double[] out) {
    int j = 0;
    for (; j <= length - 8 * WIDE; j += 8 * WIDE) {
      sumEight(rows, members, from + j, out, j);
    }
    for (; j < length; j++) {
      double sum = 0;
      for (int member : members) {
        sum += rows[member][from + j];
      }
      out[j] = sum;
    }
  }

  /** Eight vectors of columns, so that sums stay in registers while rows go by. */
  private static void sumEight(float[][] rows, int[] members, int c, double[] out, int outFrom) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = s0;
    DoubleVector s2 = s0;
    DoubleVector s3 = s0;
    DoubleVector s4 = s0;
    DoubleVector s5 = s0;
    DoubleVector s6 = s0;
    DoubleVector s7 = s0;
    for (int member : members) {
      float[] x = rows[member];
      FloatVector x0 = FloatVector.fromArray(F, x, c);
      s0 = s0.add(low(x0));
      s1 = s1.add(high(x0));
      FloatVector x1 = FloatVector.fromArray(F, x, c + LANES);
      s2 = s2.add(low(x1));
      s3 = s3.add(high(x1));
      FloatVector x2 = FloatVector.fromArray(F, x, c + 2 * LANES);
      s4 = s4.add(low(x2));
      s5 = s5.add(high(x2));
      FloatVector x3 = FloatVector.fromArray(F, x, c + 3 * LANES);
      s6 = s6.add(low(x3));
      s7 = s7.add(high(x3));
    }
    s0.intoArray(out, outFrom);
    s1.intoArray(out, outFrom + WIDE);
    s2.intoArray(out, outFrom + 2 * WIDE);
    s3.intoArray(out, outFrom + 3 * WIDE);
    s4.intoArray(out, outFrom + 4 * WIDE);
    s5.intoArray(out, outFrom + 5 * WIDE);
    s6.intoArray(out, outFrom + 6 * WIDE);
    s7.intoArray(out, outFrom + 7 * WIDE);
  }

  @Override
  public void gramUpper(float[][] rows, int count, int from, int length, double[] gram) {
    int panels = (count + TILE - 1) / TILE;
    double[] packed = new double[panels * TILE * Math.min(GRAM_BLOCK, padded(length))];
    double[] partial = new double[TILE * TILE * GRAM_PARTIALS];
    for (int block = 0; block < length; block += GRAM_BLOCK) {
      int columns = Math.min(GRAM_BLOCK, length - block);
      int panel = TILE * padded(columns);
      for (int i = 0; i < panels; i++) {
        pack(rows, i * TILE, count, from + block, columns, packed, i * panel);
      }
      for (int i = 0; i < panels; i++) {
        for (int j = i; j < panels; j++) {
          tile(packed, i * panel, j * panel, panel, partial);
          fold(partial, gram, count, i * TILE, j * TILE);
        }
      }
    }
  }

  private static int padded(int columns) {
    return (columns + GRAM_PARTIALS - 1) / GRAM_PARTIALS * GRAM_PARTIALS;
  }

  /**
   * Four rows into their panel [columns / 8 x 4 rows x 8], widened, the last 8 padded with zeros.
   * Rows past the end repeat the last.
   */
  private static void pack(
      float[][] rows, int row, int count, int from, int columns, double[] packed, int to) {
    float[] x0 = rows[row];
    float[] x1 = rows[Math.min(row + 1, count - 1)];
    float[] x2 = rows[Math.min(row + 2, count - 1)];
    float[] x3 = rows[Math.min(row + 3, count - 1)];
    int c = 0;
    if (LANES >= GRAM_PARTIALS) {
      for (int at = to; c <= columns - LANES; c += LANES, at += LANES * TILE) {
        widen(x0, from + c, packed, at);
        widen(x1, from + c, packed, at + GRAM_PARTIALS);
        widen(x2, from + c, packed, at + 2 * GRAM_PARTIALS);
        widen(x3, from + c, packed, at + 3 * GRAM_PARTIALS);
      }
    }
    for (; c < padded(columns); c++) {
      int at = to + (c & -GRAM_PARTIALS) * TILE + (c & GRAM_PARTIALS - 1);
      boolean there = c < columns;
      packed[at] = there ? x0[from + c] : 0;
      packed[at + GRAM_PARTIALS] = there ? x1[from + c] : 0;
      packed[at + 2 * GRAM_PARTIALS] = there ? x2[from + c] : 0;
      packed[at + 3 * GRAM_PARTIALS] = there ? x3[from + c] : 0;
    }
  }

  private static void widen(float[] x, int from, double[] packed, int at) {
    FloatVector values = FloatVector.fromArray(F, x, from);
    low(values).intoArray(packed, at);
    high(values).intoArray(packed, at + (WIDE < GRAM_PARTIALS ? WIDE : TILE * GRAM_PARTIALS));
  }

  /** Partial sums of 4 x 4 entries. Fold drops what is of rows past the end. */
  private static void tile(double[] packed, int aFrom, int bFrom, int length, double[] partial) {
    for (int lane = 0; lane < GRAM_PARTIALS; lane += WIDE) {
      DoubleVector s00 = DoubleVector.zero(D);
      DoubleVector s01 = s00;
      DoubleVector s02 = s00;
      DoubleVector s03 = s00;
      DoubleVector s10 = s00;
      DoubleVector s11 = s00;
      DoubleVector s12 = s00;
      DoubleVector s13 = s00;
      DoubleVector s20 = s00;
      DoubleVector s21 = s00;
      DoubleVector s22 = s00;
      DoubleVector s23 = s00;
      DoubleVector s30 = s00;
      DoubleVector s31 = s00;
      DoubleVector s32 = s00;
      DoubleVector s33 = s00;
      for (int group = 0; group < length; group += TILE * GRAM_PARTIALS) {
        int a = aFrom + group + lane;
        int b = bFrom + group + lane;
        DoubleVector y0 = DoubleVector.fromArray(D, packed, b);
        DoubleVector y1 = DoubleVector.fromArray(D, packed, b + GRAM_PARTIALS);
        DoubleVector y2 = DoubleVector.fromArray(D, packed, b + 2 * GRAM_PARTIALS);
        DoubleVector y3 = DoubleVector.fromArray(D, packed, b + 3 * GRAM_PARTIALS);
        DoubleVector x = DoubleVector.fromArray(D, packed, a);
        s00 = x.fma(y0, s00);
        s01 = x.fma(y1, s01);
        s02 = x.fma(y2, s02);
        s03 = x.fma(y3, s03);
        x = DoubleVector.fromArray(D, packed, a + GRAM_PARTIALS);
        s10 = x.fma(y0, s10);
        s11 = x.fma(y1, s11);
        s12 = x.fma(y2, s12);
        s13 = x.fma(y3, s13);
        x = DoubleVector.fromArray(D, packed, a + 2 * GRAM_PARTIALS);
        s20 = x.fma(y0, s20);
        s21 = x.fma(y1, s21);
        s22 = x.fma(y2, s22);
        s23 = x.fma(y3, s23);
        x = DoubleVector.fromArray(D, packed, a + 3 * GRAM_PARTIALS);
        s30 = x.fma(y0, s30);
        s31 = x.fma(y1, s31);
        s32 = x.fma(y2, s32);
        s33 = x.fma(y3, s33);
      }
      s00.intoArray(partial, lane);
      s01.intoArray(partial, GRAM_PARTIALS + lane);
      s02.intoArray(partial, 2 * GRAM_PARTIALS + lane);
      s03.intoArray(partial, 3 * GRAM_PARTIALS + lane);
      s10.intoArray(partial, 4 * GRAM_PARTIALS + lane);
      s11.intoArray(partial, 5 * GRAM_PARTIALS + lane);
      s12.intoArray(partial, 6 * GRAM_PARTIALS + lane);
      s13.intoArray(partial, 7 * GRAM_PARTIALS + lane);
      s20.intoArray(partial, 8 * GRAM_PARTIALS + lane);
      s21.intoArray(partial, 9 * GRAM_PARTIALS + lane);
      s22.intoArray(partial, 10 * GRAM_PARTIALS + lane);
      s23.intoArray(partial, 11 * GRAM_PARTIALS + lane);
      s30.intoArray(partial, 12 * GRAM_PARTIALS + lane);
      s31.intoArray(partial, 13 * GRAM_PARTIALS + lane);
      s32.intoArray(partial, 14 * GRAM_PARTIALS + lane);
      s33.intoArray(partial, 15 * GRAM_PARTIALS + lane);
    }
  }

  private static void fold(double[] partial, double[] gram, int count, int i, int j) {
    for (int entry = 0; entry < TILE * TILE; entry++) {
      int row = i + entry / TILE;
      int column = j + entry % TILE;
      if (row <= column && column < count) {
        int p = entry * GRAM_PARTIALS;
        double even = (partial[p] + partial[p + 4]) + (partial[p + 2] + partial[p + 6]);
        double odd = (partial[p + 1] + partial[p + 5]) + (partial[p + 3] + partial[p + 7]);
        gram[row * count + column] += even + odd;
      }
    }
  }
}
