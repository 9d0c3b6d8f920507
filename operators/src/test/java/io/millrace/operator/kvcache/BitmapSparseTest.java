package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BitmapSparseTest {
  private static final PageShape SHAPE = new PageShape(32, 3, 40);

  @ParameterizedTest
  @ValueSource(ints = {1, 50, 70, 99})
  void keepsTheLargestOfEachVectorAsHalves(int percent) {
    float[] values = DumpTools.normal(1, SHAPE.values());
    values[3] = values[7]; // equal ones
    float[] restored =
        DumpTools.through(new BitmapSparse(percent, 16), SHAPE, PageKind.KEYS, values);
    int kept = 40 - 40 * percent / 100;
    for (int from = 0; from < values.length; from += 40) {
      int found = 0;
      double smallestKept = Double.MAX_VALUE;
      double largestPruned = 0;
      for (int i = from; i < from + 40; i++) {
        if (restored[i] == 0) {
          largestPruned = Math.max(largestPruned, Math.abs(values[i]));
        } else {
          found++;
          smallestKept = Math.min(smallestKept, Math.abs(values[i]));
          assertEquals(Float16.decode(Float16.encode(values[i])), restored[i], 0f);
        }
      }
      assertEquals(kept, found);
      assertTrue(smallestKept >= largestPruned);
    }
  }

  @Test
  void costsWhatItsFormulaSays() {
    PageShape shape = new PageShape(32, 2, 64);
    float[] values = DumpTools.normal(2, shape.values());
    // 1 + 16 x 32 / 64; 64 - floor(44.8) = 20 of 64 at 70 %
    assertEquals(9.0, bits(new BitmapSparse(50, 16), shape, values), 1e-9);
    assertEquals(1 + 16 * 20 / 64.0, bits(new BitmapSparse(70, 16), shape, values), 1e-9);
    assertEquals(
        1 + 8 * 20 / 64.0 + 16 / 128.0, bits(new BitmapSparse(70, 8), shape, values), 1e-9);
    assertEquals(
        1 + 4 * 20 / 64.0 + 16 / 128.0, bits(new BitmapSparse(70, 4), shape, values), 1e-9);
  }

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void prunesAtMostHalfTheEnergyOfPruningByLot(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageShape shape = DumpTools.shape(dump, 128);
    Random random = new Random(3);
    for (int percent : new int[] {50, 70}) {
      for (PageKind kind : PageKind.values()) {
        float[] values = dump.span(kind, 0, 64, 128);
        double error =
            DumpTools.error(
                values, DumpTools.through(new BitmapSparse(percent, 16), shape, kind, values));
        float[] byLot = values.clone();
        int d = shape.headDimension();
        for (int from = 0; from < byLot.length; from += d) {
          for (int left = d * percent / 100; left > 0; ) {
            int at = from + random.nextInt(d);
            left -= byLot[at] == 0 ? 0 : 1;
            byLot[at] = 0;
          }
        }
        double lot = DumpTools.error(values, byLot);
        assertTrue(error * error <= 0.5 * lot * lot, kind + ": " + error + " against " + lot);
      }
    }
  }

  /** Errors of outputs that were measured for the notes another way. */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "kjv-hd64, 50, 0.048",
    "kjv-hd64, 70, 0.093",
    "minilm-l6, 50, 0.124",
    "minilm-l6, 70, 0.218"
  })
  void reproducesTheMeasuredTable(String model, int percent, double outputs) {
    PageCodec codec = new BitmapSparse(percent, 16);
    PageMeasure measured = PageMeasure.of(DumpTools.dump(model), codec, codec);
    assertEquals(outputs, measured.outputs(), 0.2 * outputs, measured.toString());
  }

  /** What is pruned weighs more than what 8 bits round: the notes' reason for fewer bits. */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void valuesOfEightBitsLoseNothingBesidesWhatIsPruned(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageMeasure halves = PageMeasure.of(dump, new BitmapSparse(70, 16), new BitmapSparse(70, 16));
    PageMeasure bytes = PageMeasure.of(dump, new BitmapSparse(70, 8), new BitmapSparse(70, 8));
    PageMeasure fours = PageMeasure.of(dump, new BitmapSparse(70, 4), new BitmapSparse(70, 4));
    String all = halves + ", " + bytes + ", " + fours;
    assertTrue(bytes.bits() < 0.66 * halves.bits(), all);
    assertTrue(bytes.keys() < 1.01 * halves.keys() && bytes.values() < 1.01 * halves.values(), all);
    assertTrue(fours.bits() < bytes.bits() && fours.keys() > bytes.keys(), all);
    assertTrue(fours.keys() < 1.3 * halves.keys(), all);
  }

  @Test
  void refusesMapsWithAnotherCountOrBeyondTheEnd() {
    PageShape shape = new PageShape(1, 1, 40);
    BitmapSparse codec = new BitmapSparse(50, 16);
    byte[] payload = codec.encode(shape, PageKind.KEYS, DumpTools.normal(4, 40));
    for (int bit : new int[] {0, 39, 40, 63}) {
      byte[] damaged = payload.clone();
      damaged[bit / 8] ^= (byte) (1 << bit % 8);
      assertThrows(
          IllegalArgumentException.class,
          () -> DumpTools.open(codec, shape, PageKind.KEYS, damaged),
          "bit " + bit);
    }
  }

  @Test
  void refusesImpossibleSettings() {
    assertThrows(IllegalArgumentException.class, () -> new BitmapSparse(0, 16));
    assertThrows(IllegalArgumentException.class, () -> new BitmapSparse(100, 16));
    assertThrows(IllegalArgumentException.class, () -> new BitmapSparse(50, 5));
  }

  private static double bits(PageCodec codec, PageShape shape, float[] values) {
    return 8.0 * codec.encode(shape, PageKind.VALUES, values).length / shape.values();
  }
}
