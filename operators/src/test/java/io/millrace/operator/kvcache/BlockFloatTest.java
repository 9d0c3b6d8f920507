package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlockFloatTest {

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void sortedChannelsLoseLessThanUnsortedOnes(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    for (int bits = 3; bits <= 4; bits++) {
      double sorted = keyError(dump, bits, true);
      double unsorted = keyError(dump, bits, false);
      // the 32 channels of stories260K are one block, in whatever order
      assertTrue(
          dump.channels() == 32 ? sorted < 1.001 * unsorted : sorted < 0.93 * unsorted,
          bits + " bits: " + sorted + " against " + unsorted);
    }
  }

  /**
   * Errors of keys that the notes measured with the exponent of the largest value: ours is less.
   */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({"kjv-hd64, 3, 0.229", "kjv-hd64, 4, 0.114", "minilm-l6, 3, 0.234"})
  void losesLessThanWithTheExponentOfTheLargestValue(String model, int bits, double keys) {
    PageCodec codec = new BlockFloat(bits);
    PageMeasure measured = PageMeasure.of(DumpTools.dump(model), codec, codec);
    assertTrue(measured.keys() < 0.95 * keys, measured.toString());
    assertTrue(measured.keys() > 0.7 * keys, measured.toString());
    // 16 bits of order over 32 tokens
    assertEquals(bits + 0.25 + 0.5, measured.bits(), 0.26, measured.toString());
  }

  /** Sorting is undone before queries meet keys: not a bit differs from unsorted keys. */
  @Test
  void scoresAreThoseOfUnsortedKeysToTheBit() {
    PageShape shape = new PageShape(32, 2, 64);
    BlockFloat codec = new BlockFloat(4);
    float[] keys = DumpTools.normal(1, shape.values());
    Page page =
        DumpTools.open(codec, shape, PageKind.KEYS, codec.encode(shape, PageKind.KEYS, keys));
    float[] restored = new float[keys.length];
    page.restore(restored);
    float[] query = DumpTools.normal(2, 64);
    float[] scores = new float[32];
    float[] expected = new float[32];
    for (int head = 0; head < 2; head++) {
      page.scores(head, query, 0, scores, 0);
      new ExactPage(shape, restored).scores(head, query, 0, expected, 0);
      for (int token = 0; token < 32; token++) {
        assertEquals(
            Float.floatToRawIntBits(expected[token]), Float.floatToRawIntBits(scores[token]));
      }
    }
  }

  private static double keyError(KeyValueDump dump, int bits, boolean sorted) {
    PageShape shape = DumpTools.shape(dump, 32);
    double error = 0;
    double energy = 0;
    for (int layer = 0; layer < dump.layers(); layer++) {
      for (int first = 0; first + 32 <= dump.tokens(); first += 32) {
        float[] keys = dump.span(PageKind.KEYS, layer, first, 32);
        float[] got =
            sorted
                ? DumpTools.through(new BlockFloat(bits), shape, PageKind.KEYS, keys)
                : unsorted(keys, bits);
        for (int i = 0; i < keys.length; i++) {
          error += Math.pow((double) keys[i] - got[i], 2);
          energy += (double) keys[i] * keys[i];
        }
      }
    }
    return Math.sqrt(error / energy);
  }

  /** Block floating point of 32 neighbours with the best of all powers of two. */
  private static float[] unsorted(float[] keys, int bits) {
    float[] out = new float[keys.length];
    int limit = (1 << bits - 1) - 1;
    for (int from = 0; from < keys.length; from += 32) {
      double largest = 0;
      for (int i = from; i < from + 32; i++) {
        largest = Math.max(largest, Math.abs(keys[i]));
      }
      double least = Double.MAX_VALUE;
      for (double unit = 0x1p-20; unit < 4 * largest; unit *= 2) {
        double error = 0;
        float[] coded = new float[32];
        for (int i = 0; i < 32; i++) {
          long code = Math.round(keys[from + i] / unit);
          coded[i] = (float) (Math.max(-limit - 1, Math.min(limit, code)) * unit);
          error += Math.pow(keys[from + i] - coded[i], 2);
        }
        if (error < least) {
          least = error;
          System.arraycopy(coded, 0, out, from, 32);
        }
      }
    }
    return out;
  }
}
