package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class StateKeeperTest {
  private static final int CHUNK = 64;
  private static final long ROOMY = 1L << 30;

  private final InMemoryChunks store = new InMemoryChunks();
  private final Notes.Codec codec = new Notes.Codec();
  private StateKeeper<Notes> keeper = open(CHUNK, ROOMY);

  @Test
  void readsAStateOnlyWhenItsKeyIsAskedFor() {
    keep("a", bytes(10, 1), bytes(200, 2));
    keep("b", bytes(10, 3), bytes(200, 4));
    restart(CHUNK, ROOMY);
    assertEquals(0, codec.decoded);
    assertEquals(2, keeper.keys());
    Notes a = keeper.getOrNull("a");
    assertArrayEquals(bytes(200, 2), a.content(1));
    assertEquals(1, codec.decoded);
    assertSame(a, keeper.getOrNull("a"));
    assertEquals(1, codec.decoded);
    assertNull(keeper.getOrNull("c"));
  }

  @Test
  void writesOnlyTheChunksWhoseContentChanged() {
    byte[] large = bytes(CHUNK * 10, 1);
    keep("a", bytes(10, 1), large);
    keeper.flush();
    store.resetCounts();
    large[CHUNK * 3 + 5]++;
    keeper.changed("a", keeper.getOrNull("a").write(1, large));
    keeper.flush();
    assertEquals(1, store.puts);
    assertEquals(StateManifest.chunkKey("a", 1, 3).length + CHUNK, store.putBytes);
  }

  @Test
  void countsTheBytesThatItWrites() {
    keep("a", bytes(10, 1), bytes(300, 2));
    keeper.advance(5);
    keeper.flush();
    assertEquals(store.putBytes, keeper.writtenBytes());
    assertTrue(store.putBytes > 310);
  }

  @Test
  void doesNotEncodeASectionWhoseRevisionStoodStill() {
    keep("a", bytes(10, 1), bytes(300, 2));
    keeper.flush();
    assertEquals(1, codec.encoded[1]);
    keeper.changed("a", keeper.getOrNull("a").write(0, bytes(10, 7)));
    keeper.flush();
    assertEquals(2, codec.encoded[0]);
    assertEquals(1, codec.encoded[1]);
    restart(CHUNK, ROOMY);
    keeper.changed("a", keeper.getOrNull("a").write(0, bytes(10, 8)));
    keeper.flush();
    assertEquals(1, codec.encoded[1], "nor after a restart");
  }

  @Test
  void writesNothingWhenNothingChanged() {
    keep("a", bytes(10, 1), bytes(300, 2));
    keeper.advance(1000);
    keeper.flush();
    store.resetCounts();
    keeper.getOrNull("a");
    keeper.advance(1000);
    keeper.flush();
    assertEquals(0, store.puts);
  }

  @Test
  void removesChunksOfASectionThatShrinks() {
    keep("a", bytes(10, 1), bytes(CHUNK * 5, 2));
    keeper.flush();
    assertEquals(5, chunks("a", 1));
    keeper.changed("a", keeper.getOrNull("a").write(1, bytes(CHUNK + 1, 2)));
    keeper.flush();
    assertEquals(2, chunks("a", 1));
    keeper.changed("a", keeper.getOrNull("a").write(1, new byte[0]));
    keeper.flush();
    assertEquals(0, chunks("a", 1));
    restart(CHUNK, ROOMY);
    assertEquals(0, keeper.getOrNull("a").content(1).length);
  }

  @Test
  void readsAndCutsAnewWhatAnotherChunkSizeWrote() {
    keep("a", bytes(10, 1), bytes(1000, 2));
    for (int size : new int[] {100, 17, 4096, CHUNK}) {
      restart(size, ROOMY);
      assertArrayEquals(bytes(1000, 2), keeper.getOrNull("a").content(1), "chunks of " + size);
      // the content of section 1 and every length stay: only the cut differs
      keeper.changed("a", keeper.getOrNull("a").write(0, bytes(10, size)));
      keeper.flush();
      assertEquals((1000 + size - 1) / size, chunks("a", 1));
      restart(size, ROOMY);
      assertArrayEquals(bytes(1000, 2), keeper.getOrNull("a").content(1), "chunks of " + size);
      assertArrayEquals(bytes(10, size), keeper.getOrNull("a").content(0));
    }
  }

  @Test
  void leavesTheHeapLeastRecentlyUsedFirstAndComesBack() {
    restart(CHUNK, 1000);
    Notes first = new Notes().write(0, bytes(300, 0));
    keeper.changed("k0", first);
    keeper.changed("k1", new Notes().write(0, bytes(300, 1)));
    assertSame(first, keeper.getOrNull("k0"));
    keeper.changed("k2", new Notes().write(0, bytes(300, 2)));
    assertTrue(keeper.heapBytes() <= 1000);
    assertSame(first, keeper.getOrNull("k0"), "k1 was used longest ago");
    assertEquals(0, codec.decoded);
    assertArrayEquals(bytes(300, 1), keeper.getOrNull("k1").content(0));
    assertEquals(1, codec.decoded);
    assertEquals(3, keeper.keys());
  }

  @Test
  void keepsAStateLargerThanTheBudgetWhileItIsInUse() {
    restart(CHUNK, 50);
    Notes large = new Notes().write(1, bytes(1000, 1));
    keeper.changed("large", large);
    assertSame(large, keeper.getOrNull("large"));
    keeper.changed("other", new Notes());
    assertNotSame(large, keeper.getOrNull("large"));
    assertArrayEquals(bytes(1000, 1), keeper.getOrNull("large").content(1));
  }

  @Test
  void firesTheEarliestDeadlineFirst() {
    keepDue("late", 30);
    keepDue("early", 10);
    keepDue("middle", 20);
    keepDue("never", 100);
    keeper.advance(9);
    assertNull(keeper.dueOrNull());
    keeper.advance(50);
    assertEquals(List.of("early", "middle", "late"), drain());
  }

  @Test
  void ordersByTheDeadlineOfTheStateNotByTheIndexedLowerBound() {
    keepDue("a", 10);
    keepDue("b", 20);
    // a's deadline moved on with its records; the index still says 10
    keeper.changed("a", keeper.getOrNull("a").deadline(OptionalLong.of(25)));
    keeper.advance(50);
    assertEquals(List.of("b", "a"), drain());
  }

  @Test
  void bringsADeadlineForwardAndForgetsOneThatWasCleared() {
    keepDue("a", 100);
    keepDue("b", 100);
    keeper.changed("a", keeper.getOrNull("a").deadline(OptionalLong.of(10)));
    keeper.changed("b", keeper.getOrNull("b").deadline(OptionalLong.empty()));
    keeper.advance(200);
    assertEquals(List.of("a"), drain());
  }

  @Test
  void findsDeadlinesAndStreamTimeAfterARestart() {
    keepDue("a", 30);
    keepDue("b", 20);
    keeper.advance(15);
    restart(CHUNK, ROOMY);
    assertEquals(15, keeper.streamTimeMillis());
    assertNull(keeper.dueOrNull());
    keeper.advance(14);
    assertEquals(15, keeper.streamTimeMillis(), "stream time never goes back");
    keeper.advance(40);
    assertEquals(List.of("b", "a"), drain());
  }

  @Test
  void keepsADeadlineThatWasSetAfterAClearedOneWhenTheStateLeftTheHeapBetween() {
    restart(CHUNK, 150);
    keepDue("a", 10);
    keeper.flush();
    keeper.changed("a", keeper.getOrNull("a").deadline(OptionalLong.empty()));
    keeper.advance(20);
    assertNull(keeper.dueOrNull());
    keeper.changed("b", new Notes());
    keeper.flush();
    keeper.changed("a", keeper.getOrNull("a").deadline(OptionalLong.of(50)));
    keeper.changed("b", keeper.getOrNull("b").write(0, bytes(10, 1)));
    keeper.flush();
    keeper.advance(60);
    assertEquals(List.of("a"), drain());
  }

  @Test
  void doesNotWriteAManifestForADeadlineThatMovesOn() {
    keepDue("a", 10);
    keeper.flush();
    store.resetCounts();
    keeper.changed("a", keeper.getOrNull("a").deadline(OptionalLong.of(11)));
    keeper.flush();
    assertEquals(1, store.puts, "the chunk alone");
  }

  @Test
  void forgettingRemovesEverythingFromTheStore() {
    keep("a", bytes(500, 1), bytes(500, 2));
    keepDue("a", 10);
    keeper.flush();
    keeper.forget("a");
    keeper.flush();
    assertTrue(store.entries.isEmpty());
    assertEquals(0, keeper.keys());
    assertEquals(0, keeper.heapBytes());
    keeper.advance(20);
    assertNull(keeper.dueOrNull());
  }

  @Test
  void forgetsAKeyThatIsNotOnTheHeap() {
    keep("a", bytes(500, 1), bytes(500, 2));
    restart(17, ROOMY);
    keeper.forget("a");
    assertTrue(store.entries.isEmpty());
    assertEquals(0, keeper.keys());
    keeper.forget("a");
    assertEquals(0, keeper.keys());
  }

  @Test
  void keepsAKeyThatComesBackAfterItWasForgotten() {
    keep("a", bytes(500, 1), bytes(500, 2));
    keeper.forget("a");
    assertNull(keeper.getOrNull("a"));
    keep("a", bytes(5, 3), bytes(100, 4));
    restart(CHUNK, ROOMY);
    assertArrayEquals(bytes(100, 4), keeper.getOrNull("a").content(1));
    assertEquals(1, keeper.keys());
    assertEquals(4, store.entries.size(), "manifest, one chunk and two chunks");
  }

  @Test
  void tellsKeysApartThatArePrefixesOfEachOtherOrHoldZeros() {
    List<String> keys =
        List.of("a", "a\0", "a\0\0", "a\0\0\0\0\0\0", "\0", "ab", "a\0\1\0\0\0\0", "t", "m", "ä");
    for (String key : keys) {
      keep(key, bytes(100, key.hashCode()), bytes(200, key.length()));
    }
    restart(CHUNK, ROOMY);
    assertEquals(keys.size(), keeper.keys());
    for (String key : keys) {
      assertArrayEquals(bytes(100, key.hashCode()), keeper.getOrNull(key).content(0));
      assertArrayEquals(bytes(200, key.length()), keeper.getOrNull(key).content(1));
    }
    for (String key : keys) {
      keeper.forget(key);
    }
    assertTrue(store.entries.isEmpty());
  }

  @Test
  void refusesAMutatedStateThatIsNotTheOneItKeeps() {
    keep("a", bytes(1, 1), bytes(1, 1));
    assertThrows(IllegalStateException.class, () -> keeper.changed("a", new Notes()));
  }

  @Test
  void refusesDamagedManifestsAndNamesTheKey() {
    keep("sensor-7", bytes(100, 1), bytes(500, 2));
    keeper.flush();
    byte[] manifest = store.entries.get(StateManifest.key("sensor-7"));
    List<byte[]> damaged = new ArrayList<>();
    damaged.add(new byte[0]);
    damaged.add(new byte[14]);
    damaged.add(java.util.Arrays.copyOf(manifest, manifest.length - 1));
    damaged.add(java.util.Arrays.copyOf(manifest, manifest.length + 4));
    damaged.add(with(manifest, 0, (byte) 2));
    damaged.add(with(manifest, 0, (byte) -1));
    damaged.add(with(manifest, 14, (byte) -2));
    damaged.add(with(manifest, 10, (byte) -1));
    damaged.add(ByteBuffer.wrap(manifest.clone()).putInt(10, 0).array());
    damaged.add(with(manifest, 15, (byte) 0x80));
    for (byte[] bytes : damaged) {
      store.entries.put(StateManifest.key("sensor-7"), bytes);
      refusal(() -> open(CHUNK, ROOMY));
      refusal(
          () ->
              new StateKeeper<>(codec, store, CHUNK, ROOMY, Notes::deadline).getOrNull("sensor-7"));
    }
  }

  @Test
  void refusesSizesThatTheStoreDoesNotHoldWithoutTakingTheMemory() {
    keep("sensor-7", bytes(100, 1), bytes(500, 2));
    keeper.flush();
    byte[] manifest = store.entries.get(StateManifest.key("sensor-7"));
    for (int chunk : new int[] {1, CHUNK, Integer.MAX_VALUE}) {
      store.entries.put(
          StateManifest.key("sensor-7"),
          ByteBuffer.wrap(manifest.clone())
              .putInt(10, chunk)
              .putInt(19, Integer.MAX_VALUE - 8)
              .array());
      StateKeeper<Notes> reopened = open(CHUNK, ROOMY);
      refusal(() -> reopened.getOrNull("sensor-7"));
    }
  }

  @Test
  void refusesMissingCutOrUnreadableChunks() {
    keep("sensor-7", bytes(100, 1), bytes(500, 2));
    keeper.flush();
    InMemoryChunks whole = store.copy();
    store.put(StateManifest.chunkKey("sensor-7", 1, 3), null);
    refusal(() -> open(CHUNK, ROOMY).getOrNull("sensor-7"));
    store.put(StateManifest.chunkKey("sensor-7", 1, 3), new byte[CHUNK - 1]);
    refusal(() -> open(CHUNK, ROOMY).getOrNull("sensor-7"));
    store.entries.putAll(whole.entries);
    assertArrayEquals(bytes(500, 2), open(CHUNK, ROOMY).getOrNull("sensor-7").content(1));
    // a section that the codec refuses
    store.put(
        StateManifest.key("sensor-7"),
        new StateManifest(OptionalLong.empty(), CHUNK, new int[] {0, 0}).encode());
    refusal(() -> open(CHUNK, ROOMY).getOrNull("sensor-7"));
    store.put(
        StateManifest.key("sensor-7"),
        new StateManifest(OptionalLong.empty(), CHUNK, new int[] {0, 0, 0}).encode());
    refusal(() -> open(CHUNK, ROOMY).getOrNull("sensor-7"));
  }

  @Test
  void refusesADamagedStreamTime() {
    store.put(new byte[] {'t'}, new byte[7]);
    assertThrows(IllegalStateException.class, () -> open(CHUNK, ROOMY));
  }

  private void refusal(org.junit.jupiter.api.function.Executable action) {
    String message = assertThrows(IllegalStateException.class, action).getMessage();
    assertTrue(message.contains("sensor-7"), message);
  }

  private StateKeeper<Notes> open(int chunkBytes, long budget) {
    StateKeeper<Notes> opened =
        new StateKeeper<>(codec, store, chunkBytes, budget, Notes::deadline);
    opened.restoreIndex();
    return opened;
  }

  private void restart(int chunkBytes, long budget) {
    keeper.flush();
    keeper = open(chunkBytes, budget);
  }

  private void keep(String key, byte[] small, byte[] large) {
    Notes notes = keeper.getOrNull(key);
    keeper.changed(key, (notes == null ? new Notes() : notes).write(0, small).write(1, large));
  }

  private void keepDue(String key, long millis) {
    Notes notes = keeper.getOrNull(key);
    keeper.changed(key, (notes == null ? new Notes() : notes).deadline(OptionalLong.of(millis)));
  }

  private List<String> drain() {
    List<String> fired = new ArrayList<>();
    for (String key = keeper.dueOrNull(); key != null; key = keeper.dueOrNull()) {
      fired.add(key);
      keeper.changed(key, keeper.getOrNull(key).deadline(OptionalLong.empty()));
    }
    return fired;
  }

  private int chunks(String key, int section) {
    int count = 0;
    while (store.entries.containsKey(StateManifest.chunkKey(key, section, count))) {
      count++;
    }
    assertEquals(
        count,
        store.entries.keySet().stream()
            .filter(entry -> isChunkOf(entry, StateManifest.chunkKey(key, section, 0)))
            .count(),
        "no chunk beyond a gap");
    return count;
  }

  private static boolean isChunkOf(byte[] entry, byte[] first) {
    int prefix = first.length - 4;
    return entry.length == first.length
        && java.util.Arrays.equals(entry, 0, prefix, first, 0, prefix);
  }

  private static byte[] with(byte[] bytes, int position, byte value) {
    byte[] copy = bytes.clone();
    copy[position] = value;
    return copy;
  }

  private static byte[] bytes(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
