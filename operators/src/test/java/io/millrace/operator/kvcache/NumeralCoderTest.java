package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NumeralCoderTest {

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 1000})
  void givesValuesBackWithEscapes(int count) {
    Random random = new Random(count);
    int[] values = new int[count];
    int[] tables = new int[count];
    for (int i = 0; i < count; i++) {
      tables[i] = random.nextInt(GaussianTable.TABLES);
      double deviation = Math.pow(2, tables[i] / 4.0 - 2);
      values[i] =
          random.nextInt(50) == 0
              ? (short) random.nextInt()
              : (int) Math.round(random.nextGaussian() * deviation);
    }
    assertArrayEquals(values, decode(encode(values, tables), tables));
  }

  @Test
  void staysWithinTwoPercentOfTheEntropy() {
    Random random = new Random(5);
    for (int table = 4; table < GaussianTable.TABLES; table += 3) {
      double deviation = Math.pow(2, table / 4.0 - 2);
      int[] values = new int[200_000];
      int[] counts = new int[2001];
      for (int i = 0; i < values.length; i++) {
        values[i] = (int) Math.round(random.nextGaussian() * deviation);
        counts[values[i] + 1000]++;
      }
      double bits = 0;
      for (int n : counts) {
        bits -= n == 0 ? 0 : n * Math.log(n / (double) values.length) / Math.log(2);
      }
      int[] tables = new int[values.length];
      Arrays.fill(tables, table);
      double coded = 8.0 * encode(values, tables).length;
      assertTrue(coded < 1.02 * bits, "deviation " + deviation + ": " + coded / bits);
      assertTrue(coded > 0.999 * bits, "below the entropy");
    }
  }

  @Test
  void knowsTheNormalDistribution() {
    // tables of the standard normal distribution
    assertEquals(0.5, GaussianTable.upperTail(0), 1e-15);
    assertEquals(0.158655253931457, GaussianTable.upperTail(1), 1e-14);
    assertEquals(0.00134989803163009, GaussianTable.upperTail(3), 1e-15);
    assertEquals(0.00134989803163009, 1 - GaussianTable.upperTail(-3), 1e-14);
    assertEquals(2.86651571879194e-7, GaussianTable.upperTail(5), 1e-20);
  }

  /** What lets a reader refuse a page of more values than its bytes can hold. */
  @Test
  void noSymbolCostsLessThanASixteenthOfABit() {
    for (int index = 0; index < GaussianTable.TABLES; index++) {
      GaussianTable table = GaussianTable.of(index);
      for (int symbol = 0; symbol <= table.escape(); symbol++) {
        double bits = Math.log((double) GaussianTable.TOTAL / table.count(symbol)) / Math.log(2);
        assertTrue(bits > 0.0625 + 0.001, "table " + index + ": " + bits);
      }
    }
  }

  @Test
  void refusesEveryTruncation() {
    int[] values = new Random(1).ints(300, -40, 40).toArray();
    int[] tables = new int[300];
    Arrays.fill(tables, 16);
    byte[] bytes = encode(values, tables);
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThrows(IllegalArgumentException.class, () -> decode(cut, tables), "length " + length);
    }
    byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
    assertThrows(IllegalArgumentException.class, () -> decode(longer, tables));
  }

  private static byte[] encode(int[] values, int[] tables) {
    NumeralCoder.Writer writer = new NumeralCoder.Writer();
    for (int i = values.length - 1; i >= 0; i--) {
      writer.add(i, values[i], GaussianTable.of(tables[i]));
    }
    return writer.finish();
  }

  private static int[] decode(byte[] bytes, int[] tables) {
    NumeralCoder.Reader reader =
        new NumeralCoder.Reader(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    int[] values = new int[tables.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = reader.next(i, GaussianTable.of(tables[i]));
    }
    reader.end();
    return values;
  }
}
