package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both twins of the kernels over many arrays against their definitions, written out naively. */
class ColumnKernelsTest {
  private static final long SEED = 20261122;
  private static final ColumnKernels SCALAR = new ScalarColumnKernels();

  private final Random random = new Random(SEED);

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 7, 8, 9, 31, 64, 100, 1000})
  void fixedPointTermsAreTheNearestIntegers(int length) {
    double factor = 37 * 0x1p30;
    float[] x = new float[length + 3];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(60) - 48);
    }
    long[] expected = random.longs(length + 1).toArray();
    long[] start = expected.clone();
    long[] scalar = expected.clone();
    long[] got = expected.clone();
    for (int i = 0; i < length; i++) {
      expected[1 + i] += (long) Math.rint(x[3 + i] * factor);
    }
    Kernels.addFixed(x, 3, factor, got, 1, length);
    SCALAR.addFixed(x, 3, factor, scalar, 1, length);
    assertArrayEquals(expected, got, "seed " + SEED);
    assertArrayEquals(expected, scalar, "seed " + SEED);
    Kernels.addFixed(x, 3, -factor, got, 1, length);
    assertArrayEquals(start, got, "taken back, seed " + SEED);
  }

  @Test
  void columnsAreSortedInTotalOrder() {
    for (int inputs : new int[] {1, 2, 3, 5, 8, 13, 16, 20, 33, 64, 100}) {
      for (int length : new int[] {0, 1, 4, 17, 100, RankNetwork.COLUMNS}) {
        float[][] rows = new float[inputs][];
        for (int row = 0; row < inputs; row++) {
          rows[row] = awkward(length + 2);
        }
        assertRanks(rows, 2, length, new RankNetwork(inputs, 0, inputs));
        assertRanks(rows, 2, length, new RankNetwork(inputs, (inputs - 1) / 2, 2 - inputs % 2));
        assertRanks(rows, 2, length, new RankNetwork(inputs, inputs / 3, inputs - inputs / 2));
        assertRanks(rows, 2, length, new RankNetwork(inputs, inputs - 1, 1));
      }
    }
  }

  /** Merges of every depth, and ranks below, in and above the middle of the last. */
  @Test
  void oneOrTwoRanksArePickedFromWhateverIsSorted() {
    for (int inputs : new int[] {17, 31, 32, 33, 48, 49, 63, 65, 127, 128, 129, 200, 257, 513}) {
      float[][] rows = new float[inputs][];
      for (int row = 0; row < inputs; row++) {
        rows[row] = awkward(21);
      }
      for (int rank : new int[] {0, 1, inputs / 4, inputs / 2 - 1, inputs / 2, inputs - 2}) {
        assertRanks(rows, 1, 19, new RankNetwork(inputs, rank, 1));
        assertRanks(rows, 1, 19, new RankNetwork(inputs, rank, 2));
      }
      assertRanks(rows, 1, 19, new RankNetwork(inputs, inputs - 1, 1));
      assertRanks(rows, 1, 19, new RankNetwork(inputs, 3, inputs - 7));
    }
  }

  /** The zero-one principle: a network that sorts every column of zeros and ones sorts all. */
  @Test
  void everyNetworkOfUpToSixteenInputsSortsAllZerosAndOnes() {
    for (int inputs = 1; inputs <= 16; inputs++) {
      RankNetwork network = new RankNetwork(inputs, 0, inputs);
      for (int column = 0; column < 1 << inputs; column += RankNetwork.COLUMNS) {
        int length = Math.min(RankNetwork.COLUMNS, 1 << inputs);
        float[][] rows = new float[inputs][length];
        for (int row = 0; row < inputs; row++) {
          for (int j = 0; j < length; j++) {
            rows[row][j] = column + j >> row & 1;
          }
        }
        assertRanks(rows, 0, length, network);
      }
    }
  }

  @Test
  void medianNetworksHaveThePublishedSizes() {
    assertTrue(new RankNetwork(64, 0, 64).size() == 543, "whole network of 64");
    assertEquals(53, new RankNetwork(16, 7, 2).size());
    assertEquals(157, new RankNetwork(32, 15, 2).size());
    assertEquals(445, new RankNetwork(64, 31, 2).size());
  }

  @Test
  void impossibleRanksAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new RankNetwork(0, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> new RankNetwork(4, 3, 2));
    assertThrows(IllegalArgumentException.class, () -> new RankNetwork(4, -1, 2));
    assertThrows(IllegalArgumentException.class, () -> new RankNetwork(1025, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> new RankNetwork(4, 1, Integer.MAX_VALUE));
    RankNetwork network = new RankNetwork(2, 0, 2);
    int many = RankNetwork.COLUMNS + 1;
    float[][] rows = new float[2][many];
    float[] out = new float[2 * many];
    assertThrows(IndexOutOfBoundsException.class, () -> Kernels.rank(network, rows, 0, many, out));
  }

  @Test
  void rowsAreSummedInTheOrderOfTheMembers() {
    int[] members = {3, 0, 2, 3};
    for (int length : new int[] {0, 1, 7, 15, 16, 33, 64, 100, 200}) {
      float[][] rows = new float[4][length + 5];
      for (float[] row : rows) {
        for (int j = 0; j < row.length; j++) {
          row[j] = (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(80) - 40);
        }
      }
      double[] expected = new double[length + 1];
      for (int j = 0; j < length; j++) {
        expected[j] = (double) rows[3][5 + j] + rows[0][5 + j] + rows[2][5 + j] + rows[3][5 + j];
      }
      double[] got = new double[length + 1];
      Kernels.sumRows(rows, members, 5, length, got);
      assertArrayEquals(expected, got, "length " + length + ", seed " + SEED);
      double[] scalar = new double[length + 1];
      SCALAR.sumRows(rows, members, 5, length, scalar);
      assertArrayEquals(expected, scalar, "length " + length + ", seed " + SEED);
    }
  }

  @Test
  void termsOfManyRowsAreThoseOfEach() {
    for (int count : new int[] {1, 3, 4, 6, 9}) {
      for (int length : new int[] {0, 1, 15, 16, 17, 100}) {
        float[][] rows = normalRows(count, length + 2);
        double[] factors = new double[count];
        long[] expected = new long[length + 1];
        float largest = 0;
        for (int row = 0; row < count; row++) {
          factors[row] = (row + 1) * 0x1p20;
          Kernels.addFixed(rows[row], 2, factors[row], expected, 1, length);
          for (int j = 0; j < length; j++) {
            largest = Math.max(largest, Math.abs(rows[row][2 + j]));
          }
        }
        String place = count + " x " + length + ", seed " + SEED;
        long[] got = new long[length + 1];
        assertEquals(largest, Kernels.addFixed(rows, count, 2, factors, got, 1, length), place);
        assertArrayEquals(expected, got, place);
        got = new long[length + 1];
        assertEquals(largest, SCALAR.addFixed(rows, count, 2, factors, got, 1, length), place);
        assertArrayEquals(expected, got, place);
        if (length > 0) {
          rows[count - 1][1 + length] = Float.NaN;
          assertTrue(
              Float.isNaN(Kernels.addFixed(rows, count, 2, factors, new long[length], 0, length)));
        }
      }
    }
  }

  @Test
  void weightedSumsAreOneChainInTheOrderOfTheMembers() {
    int[] members = {3, 0, 2, 4, 1, 3};
    double[] weights = {0.3, -1.7, 0.01, 5, 0.9, 1e-3};
    for (int length : new int[] {0, 1, 15, 16, 33, 100}) {
      float[][] rows = normalRows(5, length + 3);
      double[] expected = new double[length + 1];
      Arrays.fill(expected, 0.1);
      double[] got = expected.clone();
      double[] scalar = expected.clone();
      for (int i = 0; i < members.length; i++) {
        for (int j = 0; j < length; j++) {
          expected[1 + j] = Math.fma(weights[i], rows[members[i]][3 + j], expected[1 + j]);
        }
      }
      Kernels.addWeighted(rows, members, members.length, weights, 3, length, got, 1);
      SCALAR.addWeighted(rows, members, members.length, weights, 3, length, scalar, 1);
      assertArrayEquals(expected, got, "length " + length + ", seed " + SEED);
      assertArrayEquals(expected, scalar, "length " + length + ", seed " + SEED);
    }
  }

  @Test
  void meansOfRowsHaveTheDefinedBits() {
    int[][] members = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {9}, {0, 2, 5, 7}, {1, 3}, {8, 4, 6}};
    for (int length : new int[] {0, 1, 15, 16, 33, 100}) {
      float[][] rows = normalRows(10, length + 3);
      float[][] got = new float[members.length][length + 1];
      float[][] scalar = new float[members.length][length + 1];
      RowMeans means = new RowMeans(10, members);
      Kernels.means(means, rows, 3, length, got, 1);
      SCALAR.means(means, rows, 3, length, scalar, 1);
      for (int mean = 0; mean < members.length; mean++) {
        for (int j = 0; j < length; j++) {
          float expected = definedMean(rows, members[mean], 3 + j);
          assertEquals(expected, got[mean][1 + j], "length " + length + ", seed " + SEED);
          assertEquals(expected, scalar[mean][1 + j], "length " + length + ", seed " + SEED);
        }
      }
    }
  }

  private static float definedMean(float[][] rows, int[] members, int column) {
    int[] sorted = members.clone();
    Arrays.sort(sorted);
    double sum = 0;
    for (int i = 0; i < sorted.length; ) {
      int four = sorted[i] / 4;
      double part = rows[sorted[i++]][column];
      while (i < sorted.length && sorted[i] / 4 == four) {
        part += rows[sorted[i++]][column];
      }
      sum += part;
    }
    return (float) (sum * (1.0 / members.length));
  }

  @Test
  void impossibleMeansAreRefused() {
    for (int[] group : new int[][] {{}, {-1}, {4}, {1, 1}}) {
      assertThrows(IllegalArgumentException.class, () -> new RowMeans(4, new int[][] {group}));
    }
  }

  private float[][] normalRows(int count, int length) {
    float[][] rows = new float[count][length];
    for (float[] row : rows) {
      for (int j = 0; j < length; j++) {
        row[j] = (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(20) - 10);
      }
    }
    return rows;
  }

  @Test
  void gramMatrixHasTheDefinedBits() {
    for (int count : new int[] {1, 2, 4, 5, 11}) {
      for (int length : new int[] {0, 1, 7, 8, 9, 100, 1024, 1029, 2500}) {
        float[][] rows = new float[count][length + 1];
        for (float[] row : rows) {
          for (int j = 0; j <= length; j++) {
            row[j] = (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(20) - 10);
          }
        }
        double[] expected = new double[count * count];
        double[] got = new double[count * count];
        double[] scalar = new double[count * count];
        for (int chunk = 0; chunk < 2; chunk++) {
          for (int i = 0; i < count * count; i++) {
            definedProduct(rows[i / count], rows[i % count], 1, length, expected, i);
          }
          Kernels.gramAdd(rows, count, 1, length, got);
          SCALAR.gramUpper(rows, count, 1, length, scalar);
        }
        String place = count + " x " + length + ", seed " + SEED;
        for (int i = 0; i < count * count; i++) {
          assertEquals(expected[i], got[i], place);
          assertEquals(i / count <= i % count ? expected[i] : 0, scalar[i], place);
        }
      }
    }
  }

  private static void definedProduct(
      float[] a, float[] b, int from, int length, double[] out, int entry) {
    for (int block = 0; block < length; block += 512) {
      double[] p = new double[8];
      for (int c = block; c < Math.min(length, block + 512); c++) {
        p[(c - block) % 8] += (double) a[from + c] * b[from + c];
      }
      for (int half = 4; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
          p[l] += p[l + half];
        }
      }
      out[entry] += p[0];
    }
  }

  private static void assertRanks(float[][] rows, int from, int length, RankNetwork network) {
    int[] expected = new int[network.ranks() * length];
    for (int j = 0; j < length; j++) {
      float[] column = new float[rows.length];
      for (int row = 0; row < rows.length; row++) {
        column[row] = rows[row][from + j];
      }
      int[] sorted = new int[rows.length];
      for (int row = 0; row < rows.length; row++) {
        int bits = Float.floatToRawIntBits(column[row]);
        sorted[row] = bits < 0 ? Integer.MIN_VALUE - 1 - bits : bits;
      }
      Arrays.sort(sorted);
      for (int rank = 0; rank < network.ranks(); rank++) {
        int word = sorted[network.firstRank() + rank];
        expected[rank * length + j] = word < 0 ? Integer.MIN_VALUE - 1 - word : word;
      }
    }
    float[] got = new float[expected.length];
    Kernels.rank(network, rows, from, length, got);
    assertArrayEquals(expected, bits(got), rows.length + " rows, seed " + SEED);
    SCALAR.rank(network, rows, from, length, got);
    assertArrayEquals(expected, bits(got), rows.length + " rows, scalar, seed " + SEED);
    double[] means = new double[length + 1];
    double[] scalar = new double[length + 1];
    for (int j = 0; j < length; j++) {
      for (int rank = 0; rank < network.ranks(); rank++) {
        means[1 + j] += got[rank * length + j];
      }
      means[1 + j] /= network.ranks();
    }
    SCALAR.rankMean(network, rows, from, length, scalar, 1);
    assertArrayEquals(means, scalar, rows.length + " rows, scalar, seed " + SEED);
    Kernels.rankMean(network, rows, from, length, scalar, 1);
    assertArrayEquals(means, scalar, rows.length + " rows, seed " + SEED);
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }

  private float[] awkward(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] =
          switch (random.nextInt(12)) {
            case 0 -> 0f;
            case 1 -> -0f;
            case 2 -> Float.NaN;
            case 3 -> Float.NEGATIVE_INFINITY;
            case 4 -> Float.POSITIVE_INFINITY;
            case 5 -> Float.intBitsToFloat(0xffc00001);
            default -> (float) random.nextGaussian();
          };
    }
    return values;
  }
}
