package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Packed codes against plain quantisation, value by value. */
class ColumnCodesTest {
  private static final long SEED = 20261122;

  private final Random random = new Random(SEED);

  static Stream<Arguments> shapes() {
    return Stream.of(2, 3, 4, 8)
        .flatMap(
            bits ->
                Stream.of(
                    Arguments.of(bits, 32, 64),
                    Arguments.of(bits, 64, 48),
                    Arguments.of(bits, 33, 32),
                    Arguments.of(bits, 1, 16),
                    Arguments.of(bits, 42, 80)));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void columnsAreRestoredToTheNearestLevel(int bits, int rows, int columns) {
    float[] x = normals(rows * columns);
    float[] minima = new float[columns];
    float[] maxima = new float[columns];
    ColumnCodes.columnRanges(x, 0, rows, columns, minima, maxima, 0);
    float[] steps = new float[columns];
    float[] inverse = new float[columns];
    for (int c = 0; c < columns; c++) {
      float low = Float.POSITIVE_INFINITY;
      float high = Float.NEGATIVE_INFINITY;
      for (int row = 0; row < rows; row++) {
        low = Math.min(low, x[row * columns + c]);
        high = Math.max(high, x[row * columns + c]);
      }
      assertEquals(low, minima[c]);
      assertEquals(high, maxima[c]);
      // a quarter of what would be needed: values beyond the last level are clamped
      steps[c] = c % 5 == 0 ? (high - low) / (4 << bits) : (high - low) / ((1 << bits) - 1);
      inverse[c] = 1 / (steps[c] + 0x1p-100f);
    }
    ColumnCodes codes = codes(rows, columns, bits);
    codes.packByColumn(0, rows, x, 0, minima, inverse, 0);
    float[] got = new float[x.length];
    codes.unpackByColumn(0, rows, steps, minima, 0, got, 0);
    for (int i = 0; i < x.length; i++) {
      int c = i % columns;
      assertEquals(nearest(x[i], minima[c], steps[c], bits), got[i], 1e-6, "value " + i);
    }
    float[] query = normals(columns);
    float[] dots = new float[rows];
    codes.dotByColumn(0, columns, query, 0, rows, steps, minima, dots, 0);
    for (int row = 0; row < rows; row++) {
      assertEquals(dot(query, got, row * columns), dots[row], 1e-4, "row " + row);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void groupsAreRestoredAndAttendedOnAsTheyAre(int bits, int rows, int columns) {
    int perRow = columns / 16;
    int groups = rows * perRow;
    float[] x = normals(rows * columns);
    float[] minima = new float[groups];
    float[] steps = new float[groups];
    float[] inverse = new float[groups];
    ColumnCodes.groupRanges(x, 0, groups, 16, minima, steps);
    for (int g = 0; g < groups; g++) {
      steps[g] = (steps[g] - minima[g]) / ((1 << bits) - 1);
      inverse[g] = 1 / steps[g];
    }
    ColumnCodes codes = codes(rows, columns, bits);
    codes.packByGroup(x, 0, 16, minima, inverse);
    float[] placed = steps.clone();
    ColumnCodes.place(placed, rows, perRow, bits);
    float[] got = new float[x.length];
    codes.unpackByGroup(16, placed, minima, got, 0);
    for (int i = 0; i < x.length; i++) {
      int g = i / 16;
      assertEquals(nearest(x[i], minima[g], steps[g], bits), got[i], 1e-6, "value " + i);
    }
    for (int column : new int[] {0, 8, columns - 16}) {
      int count = column == 8 ? 8 : 16;
      float[] query = normals(count);
      float[] weights = normals(rows);
      float[] dots = new float[rows];
      float[] sums = normals(count);
      double[] expected = new double[count];
      for (int c = 0; c < count; c++) {
        expected[c] = sums[c];
      }
      codes.dotByGroup(column, count, query, 0, 16, placed, minima, dots, 0);
      codes.addByGroup(column, count, weights, 0, 16, placed, minima, sums, 0);
      for (int row = 0; row < rows; row++) {
        assertEquals(dot(query, got, row * columns + column), dots[row], 1e-4, "row " + row);
        for (int c = 0; c < count; c++) {
          expected[c] += (double) weights[row] * got[row * columns + column + c];
        }
      }
      for (int c = 0; c < count; c++) {
        assertEquals(expected[c], sums[c], 1e-4, "column " + c);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 8})
  void takesNoMoreBitsThanItsCodesDoButForTheLastByte(int bits) {
    for (int rows : new int[] {1, 7, 8, 31, 32, 40, 64}) {
      assertEquals(48 * ((rows * bits + 7) / 8), ColumnCodes.bytes(rows, 48, bits));
    }
  }

  @Test
  void layoutIsAsDrawn() {
    float[] x = new float[32];
    for (int row = 0; row < 32; row++) {
      x[row] = row % 8;
    }
    byte[] four = new byte[16];
    new ColumnCodes(four, 0, 32, 1, 4).packByColumn(0, 32, x, 0, new float[1], new float[] {1f}, 0);
    for (int i = 0; i < 16; i++) {
      assertEquals(i % 4 * 2 | i % 4 * 2 + 1 << 4, four[i], "byte " + i);
    }
    // 0 to 7 in 24 bits, lowest first; the fourth eight are the top bytes
    int octet = 076543210;
    byte[] three = new byte[12];
    new ColumnCodes(three, 0, 32, 1, 3)
        .packByColumn(0, 32, x, 0, new float[1], new float[] {1f}, 0);
    byte[] expected = new byte[12];
    for (int i = 0; i < 12; i++) {
      expected[i] = (byte) (i % 4 < 3 ? octet >>> 8 * (i % 4) : octet >>> 8 * (i / 4));
    }
    assertArrayEquals(expected, three);
  }

  @Test
  void clampsWhateverIsBeyondTheEnds() {
    float[] x = {-3e38f, 3e38f, 0f, 7f};
    ColumnCodes codes = codes(4, 1, 3);
    codes.packByColumn(0, 4, x, 0, new float[] {1f}, new float[] {1e7f}, 0);
    float[] got = new float[4];
    codes.unpackByColumn(0, 4, new float[] {1f}, new float[1], 0, got, 0);
    assertArrayEquals(new float[] {0f, 7f, 0f, 7f}, got);
  }

  @Test
  void refusesOtherBitsAndTooFewBytes() {
    assertThrows(IllegalArgumentException.class, () -> codes(32, 16, 5));
    assertThrows(
        IllegalArgumentException.class, () -> new ColumnCodes(new byte[255], 0, 32, 16, 4));
  }

  private static ColumnCodes codes(int rows, int columns, int bits) {
    // not at the array's start
    byte[] bytes = new byte[ColumnCodes.bytes(rows, columns, bits) + 5];
    return new ColumnCodes(bytes, 5, rows, columns, bits);
  }

  private static double nearest(float x, float minimum, float step, int bits) {
    double code = step == 0 ? 0 : Math.rint(((double) x - minimum) / step);
    return minimum + step * Math.max(0, Math.min((1 << bits) - 1, code));
  }

  private static double dot(float[] x, float[] rows, int from) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (double) x[i] * rows[from + i];
    }
    return sum;
  }

  private float[] normals(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
