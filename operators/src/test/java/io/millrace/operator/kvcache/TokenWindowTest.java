package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
  private static final int SLOT_BYTES = 8 + CHANNELS * Float.BYTES;

  /** One page: its first token, when its last came, and its values. */
  private record Left(long first, long micros, List<Float> values) {}

  @ParameterizedTest(name = "blocks of {0}, window {1}, pages of {2}, {3} sinks")
  @CsvSource({
    "1, 64, 32, 4",
    "7, 64, 32, 4",
    "64, 64, 32, 4",
    "500, 64, 32, 4",
    "33, 0, 1, 0",
    "90, 10, 128, 400"
  })
  void cutsTheSamePagesFromAnyBlocks(int block, int window, int page, int sinks) {
    KeyValueSettings.Window sizes = new KeyValueSettings.Window(window, page, sinks);
    List<Left> got = run(window(sizes), block, 0);
    assertEquals(run(window(sizes), 1, 0), got);
    int sinkPages = sinks > 0 ? 1 : 0;
    assertEquals(sinkPages + Math.max(0, (TOKENS - sinks - window) / page), got.size());
    long first = 0;
    for (Left left : got) {
      int count = first < sinks ? sinks : page;
      assertEquals(first, left.first());
      assertEquals(micros(first + count - 1), left.micros());
      assertEquals(count * CHANNELS, left.values().size());
      for (int i = 0; i < count * CHANNELS; i++) {
        assertEquals((float) (first * CHANNELS + i), left.values().get(i));
      }
      first += count;
    }
  }

  @Test
  void neverHoldsLessThanTheWindowOnceItIsFull() {
    TokenWindow window = window(new KeyValueSettings.Window(64, 32, 2));
    Random random = new Random(1);
    while (window.next() < TOKENS) {
      take(window, window.next(), 1 + random.nextInt(50), new ArrayList<>());
      assertTrue(window.size() >= Math.min(64, window.next() - 2), "holds " + window.size());
      assertTrue(window.size() < 64 + 32);
    }
  }

  @Test
  void cutsOverlapsAndDuplicates() {
    KeyValueSettings.Window sizes = new KeyValueSettings.Window(20, 10, 3);
    assertEquals(run(window(sizes), 1, 0), run(window(sizes), 9, 5));
    TokenWindow window = window(sizes);
    take(window, 0, 8, new ArrayList<>());
    take(window, 2, 6, new ArrayList<>());
    assertEquals(8, window.next());
    assertEquals(0, window.fresh(2, 6));
    assertEquals(1, window.fresh(3, 6));
  }

  @Test
  void aBlockChangesTheSlotsOfItsOwnTokensOnly() {
    TokenWindow window = window(new KeyValueSettings.Window(20, 10, 3));
    take(window, 0, 100, new ArrayList<>());
    byte[] before = bytes(window);
    assertEquals(30 * SLOT_BYTES, before.length);
    take(window, 100, 4, new ArrayList<>());
    byte[] after = bytes(window);
    for (int slot = 0; slot < 30; slot++) {
      boolean own = slot >= 100 % 30 && slot < 104 % 30;
      boolean same = true;
      for (int i = slot * SLOT_BYTES; i < (slot + 1) * SLOT_BYTES; i++) {
        same &= before[i] == after[i];
      }
      assertEquals(!own, same, "slot " + slot);
    }
  }

  @Test
  void goesOnFromItsBytes() {
    KeyValueSettings.Window sizes = new KeyValueSettings.Window(20, 10, 3);
    List<Left> expected = run(window(sizes), 7, 0);
    TokenWindow window = window(sizes);
    List<Left> got = new ArrayList<>();
    while (window.next() < TOKENS) {
      take(window, window.next(), (int) Math.min(7, TOKENS - window.next()), got);
      TokenWindow restored = window(sizes);
      restored.decode(
          window.start(), window.next(), TokenFormat.FLOAT32, ByteBuffer.wrap(bytes(window)));
      assertArrayEquals(bytes(window), bytes(restored));
      window = restored;
    }
    assertEquals(expected, got);
  }

  @Test
  void refusesCountsThatCannotBe() {
    TokenWindow window = window(new KeyValueSettings.Window(20, 10, 3));
    take(window, 0, 100, new ArrayList<>());
    byte[] bytes = bytes(window);
    long[][] wrong = {{-1, 100}, {83, 82}, {73, 104}, {74, 100}, {0, 100}, {83, 1L << 50}};
    for (long[] counts : wrong) {
      assertThrows(
          IllegalArgumentException.class,
          () ->
              window(new KeyValueSettings.Window(20, 10, 3))
                  .decode(counts[0], counts[1], TokenFormat.FLOAT32, ByteBuffer.wrap(bytes)),
          counts[0] + " to " + counts[1]);
    }
  }

  private static TokenWindow window(KeyValueSettings.Window sizes) {
    return new TokenWindow(sizes, CHANNELS, TokenFormat.FLOAT32);
  }

  private static byte[] bytes(TokenWindow window) {
    ByteBuffer out = ByteBuffer.allocate(window.encodedBytes());
    window.encode(out);
    return out.array();
  }

  /** Pages of a run whose blocks begin {@code overlap} tokens too early. */
  private static List<Left> run(TokenWindow window, int block, int overlap) {
    List<Left> pages = new ArrayList<>();
    while (window.next() < TOKENS) {
      long first = Math.max(0, window.next() - overlap);
      take(window, first, (int) Math.min(block + overlap, TOKENS - first), pages);
    }
    return pages;
  }

  /** As the operator does it; each token with a time of its own. */
  private static void take(TokenWindow window, long first, int count, List<Left> pages) {
    ByteBuffer elements = tokens(first, count);
    for (int i = count - window.fresh(first, count); i < count; i++) {
      window.append(elements, i, 1, micros(first + i));
      for (int due = window.dueTokens(); due > 0; due = window.dueTokens()) {
        long start = window.start();
        long micros = window.timeMicros(due);
        ByteBuffer left = ByteBuffer.wrap(window.leave(due)).order(ByteOrder.LITTLE_ENDIAN);
        List<Float> values = new ArrayList<>();
        while (left.hasRemaining()) {
          values.add(left.getFloat());
        }
        pages.add(new Left(start, micros, values));
      }
    }
  }

  private static long micros(long token) {
    return 1000 + 7 * token;
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
