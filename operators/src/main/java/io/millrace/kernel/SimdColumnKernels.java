package io.millrace.kernel;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
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
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Double> D = VectorSpecies.of(double.class, F.vectorShape());
  private static final VectorSpecies<Long> L = VectorSpecies.of(long.class, F.vectorShape());

  private static final int LANES = SimdLanes.COUNT;
  private static final int WIDE = D.length();
  private static final int COLUMNS = RankNetwork.COLUMNS;
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

  private static DoubleVector low(FloatVector values) {
    return (DoubleVector) values.convertShape(VectorOperators.F2D, D, 0);
  }

  private static DoubleVector high(FloatVector values) {
    return (DoubleVector) values.convertShape(VectorOperators.F2D, D, 1);
  }

  @Override
  public void rank(RankNetwork network, float[][] rows, int from, int length, float[] out) {
    int[] words = network.words();
    int inputs = network.inputs();
    for (int row = 0; row < inputs; row++) {
      load(rows[row], from, length, words, row * COLUMNS);
    }
    int width = (length + LANES - 1) / LANES * LANES;
    int[] comparators = network.comparators();
    for (int c = 0; c < comparators.length; c += 3) {
      int low = comparators[c] * COLUMNS;
      int high = comparators[c + 1] * COLUMNS;
      switch (comparators[c + 2]) {
        case RankNetwork.LOW_ONLY -> keepLow(words, low, high, width);
        case RankNetwork.HIGH_ONLY -> keepHigh(words, low, high, width);
        default -> compare(words, low, high, width);
      }
    }
    for (int rank = 0; rank < network.ranks(); rank++) {
      store(words, (network.firstRank() + rank) * COLUMNS, length, out, rank * length);
    }
  }

  private static void load(float[] x, int from, int length, int[] words, int wordsFrom) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      IntVector bits = FloatVector.fromArray(F, x, from + j).reinterpretAsInts();
      bits.lanewise(VectorOperators.ASHR, 31)
          .and(Integer.MAX_VALUE)
          .lanewise(VectorOperators.XOR, bits)
          .intoArray(words, wordsFrom + j);
    }
    for (; j < length; j++) {
      words[wordsFrom + j] = RankNetwork.sortable(Float.floatToRawIntBits(x[from + j]));
    }
  }

  private static void compare(int[] words, int low, int high, int width) {
    for (int j = 0; j < width; j += LANES) {
      IntVector a = IntVector.fromArray(I, words, low + j);
      IntVector b = IntVector.fromArray(I, words, high + j);
      a.min(b).intoArray(words, low + j);
      a.max(b).intoArray(words, high + j);
    }
  }

  private static void keepLow(int[] words, int low, int high, int width) {
    for (int j = 0; j < width; j += LANES) {
      IntVector.fromArray(I, words, low + j)
          .min(IntVector.fromArray(I, words, high + j))
          .intoArray(words, low + j);
    }
  }

  private static void keepHigh(int[] words, int low, int high, int width) {
    for (int j = 0; j < width; j += LANES) {
      IntVector.fromArray(I, words, low + j)
          .max(IntVector.fromArray(I, words, high + j))
          .intoArray(words, high + j);
    }
  }

  private static void store(int[] words, int wordsFrom, int length, float[] out, int outFrom) {
    int j = 0;
    for (; j <= length - LANES; j += LANES) {
      IntVector bits = IntVector.fromArray(I, words, wordsFrom + j);
      bits.lanewise(VectorOperators.ASHR, 31)
          .and(Integer.MAX_VALUE)
          .lanewise(VectorOperators.XOR, bits)
          .reinterpretAsFloats()
          .intoArray(out, outFrom + j);
    }
    for (; j < length; j++) {
      out[outFrom + j] = Float.intBitsToFloat(RankNetwork.sortable(words[wordsFrom + j]));
    }
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
      for (int row = 0; row < count; row++) {
        int at = row / TILE * panel + row % TILE * GRAM_PARTIALS;
        pack(rows[row], from + block, columns, packed, at);
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

  /** A row into its panel [columns / 8 x 4 rows x 8], widened, the last 8 padded with zeros. */
  private static void pack(float[] x, int from, int columns, double[] packed, int packedFrom) {
    int c = 0;
    for (; c <= columns - LANES; c += LANES) {
      FloatVector values = FloatVector.fromArray(F, x, from + c);
      low(values).intoArray(packed, packedFrom + place(c));
      high(values).intoArray(packed, packedFrom + place(c + WIDE));
    }
    for (; c < columns; c++) {
      packed[packedFrom + place(c)] = x[from + c];
    }
    for (; c < padded(columns); c++) {
      packed[packedFrom + place(c)] = 0;
    }
  }

  private static int place(int column) {
    return (column & -GRAM_PARTIALS) * TILE + (column & GRAM_PARTIALS - 1);
  }

  /** Partial sums of 4 x 4 entries. Rows past the end are whatever is there; fold drops them. */
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
