package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random operations on a keeper beside the same on a plain map, with commits, crashes that fall
 * back to the last commit, restarts with another chunk size, and heap budgets down to less than one
 * state.
 */
final class StateKeeperModelTest {
  private static final int OPERATIONS = 4000;
  private static final int KEYS = 12;
  private static final int[] CHUNKS = {1, 7, 64, 1000};
  private static final long[] BUDGETS = {1, 600, 3000, 1 << 30};

  private record Note(byte[] small, byte[] large, OptionalLong deadline) {}

  private final Notes.Codec codec = new Notes.Codec();
  private InMemoryChunks store = new InMemoryChunks();
  private InMemoryChunks committedStore = new InMemoryChunks();
  private Map<String, Note> model = new TreeMap<>();
  private Map<String, Note> committedModel = new TreeMap<>();
  private long now;
  private long committedNow;
  private int chunkBytes = CHUNKS[1];
  private StateKeeper<Notes> keeper;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void equalsAPlainMap(long seed) {
    Random random = new Random(seed);
    open(random);
    for (int i = 0; i < OPERATIONS; i++) {
      String at = "seed " + seed + ", operation " + i;
      String key = key(random.nextInt(KEYS));
      int kind = random.nextInt(100);
      if (kind < 45) {
        change(random, key);
      } else if (kind < 70) {
        check(at, key);
      } else if (kind < 78) {
        keeper.forget(key);
        model.remove(key);
      } else if (kind < 88) {
        now = Math.max(now, now + random.nextInt(20) - 5);
        keeper.advance(now);
        fire(at, random);
      } else if (kind < 93) {
        keeper.flush();
      } else if (kind < 97) {
        keeper.flush();
        committedStore = store.copy();
        committedModel = new TreeMap<>(model);
        committedNow = now;
      } else {
        store = committedStore.copy();
        model = new TreeMap<>(committedModel);
        now = committedNow;
        open(random);
      }
      assertEquals(model.size(), keeper.keys(), at);
    }
    keeper.flush();
    assertEquals(entriesOfModel(), store.entries.size(), "seed " + seed + ": entries left over");
    for (String key : new ArrayList<>(model.keySet())) {
      keeper.forget(key);
    }
    keeper.flush();
    assertEquals(now == 0 ? 0 : 1, store.entries.size(), "seed " + seed + ": stream time alone");
  }

  private void open(Random random) {
    chunkBytes = CHUNKS[random.nextInt(CHUNKS.length)];
    long budget = BUDGETS[random.nextInt(BUDGETS.length)];
    keeper = new StateKeeper<>(codec, store, chunkBytes, budget, Notes::deadline);
    keeper.restoreIndex();
    keeper.advance(now);
  }

  private void change(Random random, String key) {
    Notes notes = keeper.getOrNull(key);
    Note before = model.getOrDefault(key, new Note(new byte[0], new byte[0], OptionalLong.empty()));
    if (notes == null) {
      notes = new Notes();
    }
    byte[] small = before.small();
    byte[] large = before.large();
    OptionalLong deadline = before.deadline();
    if (random.nextBoolean()) {
      small = bytes(random, 40);
      notes.write(0, small);
    }
    if (random.nextInt(4) == 0) {
      large = random.nextBoolean() ? bytes(random, 400) : flipped(random, large);
      notes.write(1, large);
    }
    if (random.nextInt(3) > 0) {
      deadline =
          random.nextInt(4) == 0
              ? OptionalLong.empty()
              : OptionalLong.of(now + 1 + random.nextInt(60));
      notes.deadline(deadline);
    }
    keeper.changed(key, notes);
    model.put(key, new Note(small, large, deadline));
  }

  private void check(String at, String key) {
    Notes notes = keeper.getOrNull(key);
    Note expected = model.get(key);
    if (expected == null) {
      assertNull(notes, at);
      return;
    }
    assertNotNull(notes, at);
    assertArrayEquals(expected.small(), notes.content(0), at);
    assertArrayEquals(expected.large(), notes.content(1), at);
    assertEquals(expected.deadline(), notes.deadline(), at);
  }

  /** Fires all that is due, on both sides, each to a later deadline or none. */
  private void fire(String at, Random random) {
    for (String due = keeper.dueOrNull(); due != null; due = keeper.dueOrNull()) {
      assertEquals(earliestDue(), due, at);
      OptionalLong next =
          random.nextBoolean()
              ? OptionalLong.empty()
              : OptionalLong.of(now + random.nextInt(9) + 1);
      keeper.changed(due, keeper.getOrNull(due).deadline(next));
      Note note = model.get(due);
      model.put(due, new Note(note.small(), note.large(), next));
    }
    assertNull(earliestDue(), at);
  }

  private String earliestDue() {
    String earliest = null;
    long first = now + 1;
    for (Map.Entry<String, Note> entry : model.entrySet()) {
      long millis = entry.getValue().deadline().orElse(Long.MAX_VALUE);
      if (millis < first) {
        first = millis;
        earliest = entry.getKey();
      }
    }
    return earliest;
  }

  private int entriesOfModel() {
    // chunks may still be cut by an older size: count what a reader of each manifest would read
    int entries = now == 0 ? 0 : 1;
    for (String key : model.keySet()) {
      StateManifest manifest = StateManifest.decode(store.get(StateManifest.key(key)));
      entries++;
      for (int bytes : manifest.sectionBytes()) {
        entries += (bytes + manifest.chunkBytes() - 1) / manifest.chunkBytes();
      }
    }
    return entries;
  }

  private static String key(int number) {
    List<String> odd = List.of("", "\0", "a", "a\0", "a\0\0\0\0\0\0", "ab");
    return number < odd.size() ? odd.get(number) : "key-" + number;
  }

  private static byte[] bytes(Random random, int bound) {
    byte[] bytes = new byte[random.nextInt(bound)];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] flipped(Random random, byte[] bytes) {
    byte[] copy = bytes.clone();
    if (copy.length > 0) {
      copy[random.nextInt(copy.length)]++;
    }
    return copy;
  }
}
