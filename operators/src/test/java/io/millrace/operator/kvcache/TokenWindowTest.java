package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.kvcache.TokenWindow.Sizes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenWindowTest {
  private static final int CHANNELS = 3;
  private static final int TOKENS = 500;

  /** One page: its first token and its values. */
  private record Left(long first, List<Float> values) {}

  @ParameterizedTest(name = "blocks of {0}, window {1}, pages of {2}, {3} sinks")
  @CsvSource({
    "1, 64, 32, 4",
    "7, 64, 32, 4",
    "64, 64, 32, 4",
    "500, 64, 32, 4",
    "33, 0, 1, 0",
    "90, 10, 128, 700"
  })
  void cutsTheSamePagesFromAnyBlocks(int block, int window, int page, int sinks) {
    Sizes sizes = new Sizes(window, page, sinks);
    List<Left> expected = run(sizes, 1, 0);
    List<Left> got = run(sizes, block, 0);
    assertEquals(expected, got);
    assertEquals(Math.max(0, (TOKENS - sinks - window) / page), got.size());
    long first = sinks;
    for (Left left : got) {
      assertEquals(first, left.first());
      for (int i = 0; i < page * CHANNELS; i++) {
        assertEquals((float) (first * CHANNELS + i), left.values().get(i));
      }
      first += page;
    }
  }

  @Test
  void neverHoldsLessThanTheWindowOnceItIsFull() {
    TokenWindow window = new TokenWindow(new Sizes(64, 32, 2), CHANNELS, TokenFormat.FLOAT32);
    Random random = new Random(1);
    while (window.next() < TOKENS) {
      int count = 1 + random.nextInt(50);
      window.take(window.next(), count, tokens(window.next(), count));
      while (window.isPageDue()) {
        window.leave(32, new float[32 * CHANNELS]);
      }
      assertTrue(window.size() >= Math.min(64, window.next() - 2), "holds " + window.size());
      assertTrue(window.size() < 64 + 32);
    }
  }

  @Test
  void cutsOverlapsAndDuplicates() {
    Sizes sizes = new Sizes(20, 10, 3);
    assertEquals(run(sizes, 1, 0), run(sizes, 9, 5));
    TokenWindow window = new TokenWindow(sizes, CHANNELS, TokenFormat.FLOAT32);
    window.take(0, 8, tokens(0, 8));
    window.take(2, 6, tokens(2, 6));
    assertEquals(8, window.next());
    assertEquals(0, window.fresh(2, 6));
    assertEquals(1, window.fresh(3, 6));
  }

  @Test
  void refusesAGapAndStaysAsItWas() {
    TokenWindow window = new TokenWindow(new Sizes(4, 2, 1), CHANNELS, TokenFormat.FLOAT32);
    window.take(0, 3, tokens(0, 3));
    assertThrows(IllegalArgumentException.class, () -> window.take(4, 2, tokens(4, 2)));
    assertEquals(3, window.next());
    assertEquals(2, window.size());
  }

  /** Pages of a run whose blocks begin {@code overlap} tokens too early. */
  private static List<Left> run(Sizes sizes, int block, int overlap) {
    TokenWindow window = new TokenWindow(sizes, CHANNELS, TokenFormat.FLOAT32);
    List<Left> pages = new ArrayList<>();
    while (window.next() < TOKENS) {
      long first = Math.max(0, window.next() - overlap);
      int count = (int) Math.min(block + overlap, TOKENS - first);
      window.take(first, count, tokens(first, count));
      while (window.isPageDue()) {
        float[] values = new float[sizes.page() * CHANNELS];
        long left = window.leave(sizes.page(), values);
        List<Float> list = new ArrayList<>();
        for (float value : values) {
          list.add(value);
        }
        pages.add(new Left(left, list));
      }
    }
    return pages;
  }

  private static ByteBuffer tokens(long first, int count) {
    ByteBuffer bytes =
        ByteBuffer.allocate(count * CHANNELS * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count * CHANNELS; i++) {
      bytes.putFloat(first * CHANNELS + i);
    }
    return bytes.flip();
  }
}
