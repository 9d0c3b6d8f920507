package io.millrace.kernel;

import java.util.Arrays;

/**
 * The twin in plain Java. JDK 17 does not vectorise a loop that stores to two arrays, which might
 * be one: a comparator is two loops, and the rows are swapped by reference.
 */
final class ScalarColumnKernels implements ColumnKernels {

  @Override
  public void addFixed(float[] x, int from, double factor, long[] sum, int sumFrom, int length) {
    long bits = Double.doubleToRawLongBits(ROUNDING);
    for (int i = 0; i < length; i++) {
      sum[sumFrom + i] += Double.doubleToRawLongBits(x[from + i] * factor + ROUNDING) - bits;
    }
  }

  @Override
  public float addFixed(
      float[][] rows, int count, int from, double[] factors, long[] sum, int sumFrom, int length) {
    int largest = 0;
    for (int row = 0; row < count; row++) {
      float[] x = rows[row];
      addFixed(x, from, factors[row], sum, sumFrom, length);
      for (int i = 0; i < length; i++) {
        largest = Math.max(largest, Float.floatToRawIntBits(x[from + i]) & Integer.MAX_VALUE);
      }
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
    for (int i = 0; i < count; i++) {
      float[] x = rows[members[i]];
      double weight = weights[i];
      for (int c = 0; c < length; c++) {
        out[outFrom + c] = Math.fma(weight, x[from + c], out[outFrom + c]);
      }
    }
  }

  @Override
  public void means(
      RowMeans means, float[][] rows, int from, int length, float[][] out, int outFrom) {
    for (int c = 0; c < length; c++) {
      column(means, rows, from + c, out, outFrom + c);
    }
  }

  /** One column; its table has no lanes. */
  static void column(RowMeans means, float[][] rows, int from, float[][] out, int outFrom) {
    double[] table = means.table();
    for (int row = 0; row < means.rows(); row++) {
      int first = row / RowMeans.FOUR * RowMeans.SUBSETS;
      int subset = 1 << row % RowMeans.FOUR;
      double x = rows[row][from];
      table[first + subset] = x;
      for (int rest = 1; rest < subset; rest++) {
        table[first + subset + rest] = table[first + rest] + x;
      }
    }
    for (int mean = 0; mean < means.size(); mean++) {
      double sum = 0;
      for (int place : means.places(mean)) {
        sum += table[place];
      }
      out[mean][outFrom] = (float) (sum * means.share(mean));
    }
  }

  @Override
  public void rank(RankNetwork network, float[][] rows, int from, int length, float[] out) {
    int[][] words = network.rows();
    for (int column = 0; column < length; column += RankNetwork.BLOCK) {
      int columns = Math.min(RankNetwork.BLOCK, length - column);
      sort(network, rows, from + column, columns);
      for (int rank = 0; rank < network.ranks(); rank++) {
        int[] word = words[network.firstRank() + rank];
        int to = rank * length + column;
        for (int j = 0; j < columns; j++) {
          out[to + j] = Float.intBitsToFloat(RankNetwork.sortable(word[j]));
        }
      }
    }
  }

  @Override
  public void rankMean(
      RankNetwork network, float[][] rows, int from, int length, double[] out, int outFrom) {
    int[][] words = network.rows();
    double[] sums = network.sums();
    for (int column = 0; column < length; column += RankNetwork.BLOCK) {
      int columns = Math.min(RankNetwork.BLOCK, length - column);
      sort(network, rows, from + column, columns);
      Arrays.fill(sums, 0);
      for (int rank = 0; rank < network.ranks(); rank++) {
        int[] word = words[network.firstRank() + rank];
        for (int j = 0; j < columns; j++) {
          sums[j] += Float.intBitsToFloat(RankNetwork.sortable(word[j]));
        }
      }
      for (int j = 0; j < columns; j++) {
        out[outFrom + column + j] = sums[j] / network.ranks();
      }
    }
  }

  private static void sort(RankNetwork network, float[][] rows, int from, int length) {
    int inputs = network.inputs();
    int[][] words = network.rows();
    for (int row = 0; row < inputs; row++) {
      float[] x = rows[row];
      int[] word = words[row];
      for (int j = 0; j < length; j++) {
        word[j] = RankNetwork.sortable(Float.floatToRawIntBits(x[from + j]));
      }
    }
    int[] comparators = network.comparators();
    for (int c = 0; c < comparators.length; c += 3) {
      int[] low = words[comparators[c]];
      int[] high = words[comparators[c + 1]];
      int[] spare = words[inputs];
      for (int j = 0; j < length; j++) {
        spare[j] = Math.min(low[j], high[j]);
      }
      for (int j = 0; j < length; j++) {
        high[j] = Math.max(low[j], high[j]);
      }
      words[comparators[c]] = spare;
      words[inputs] = low;
    }
  }

  @Override
  public void sumRows(float[][] rows, int[] members, int from, int length, double[] out) {
    Arrays.fill(out, 0, length, 0);
    for (int member : members) {
      float[] x = rows[member];
      for (int j = 0; j < length; j++) {
        out[j] += x[from + j];
      }
    }
  }

  @Override
  public void gramUpper(float[][] rows, int count, int from, int length, double[] gram) {
    for (int block = 0; block < length; block += GRAM_BLOCK) {
      int columns = Math.min(GRAM_BLOCK, length - block);
      for (int i = 0; i < count; i++) {
        for (int j = i; j < count; j++) {
          gram[i * count + j] += dot(rows[i], rows[j], from + block, columns);
        }
      }
    }
  }

  /** A product of two floats is exact in double, so that fma and add give the same bits. */
  private static double dot(float[] a, float[] b, int from, int length) {
    double p0 = 0;
    double p1 = 0;
    double p2 = 0;
    double p3 = 0;
    double p4 = 0;
    double p5 = 0;
    double p6 = 0;
    double p7 = 0;
    int i = from;
    for (int end = from + length - GRAM_PARTIALS; i <= end; i += GRAM_PARTIALS) {
      p0 += (double) a[i] * b[i];
      p1 += (double) a[i + 1] * b[i + 1];
      p2 += (double) a[i + 2] * b[i + 2];
      p3 += (double) a[i + 3] * b[i + 3];
      p4 += (double) a[i + 4] * b[i + 4];
      p5 += (double) a[i + 5] * b[i + 5];
      p6 += (double) a[i + 6] * b[i + 6];
      p7 += (double) a[i + 7] * b[i + 7];
    }
    int rest = from + length - i;
    p0 += rest > 0 ? (double) a[i] * b[i] : 0;
    p1 += rest > 1 ? (double) a[i + 1] * b[i + 1] : 0;
    p2 += rest > 2 ? (double) a[i + 2] * b[i + 2] : 0;
    p3 += rest > 3 ? (double) a[i + 3] * b[i + 3] : 0;
    p4 += rest > 4 ? (double) a[i + 4] * b[i + 4] : 0;
    p5 += rest > 5 ? (double) a[i + 5] * b[i + 5] : 0;
    p6 += rest > 6 ? (double) a[i + 6] * b[i + 6] : 0;
    return ((p0 + p4) + (p2 + p6)) + ((p1 + p5) + (p3 + p7));
  }
}
