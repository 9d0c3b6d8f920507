package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Faults of the hot tier against Belady's optimum, which knows the future. */
class PageCacheTest {
  private static final int CAPACITY = 20;

  @Test
  void perfectBitsGiveTheFaultsOfBelady() {
    for (long seed = 1; seed <= 5; seed++) {
      int[] trace = trace(seed);
      boolean[] discards = new boolean[trace.length];
      int optimal = belady(trace, discards);
      assertEquals(optimal, faults(trace, discards), "seed " + seed);
      assertTrue(optimal < 0.9 * faults(trace, new boolean[trace.length]));
    }
  }

  @Test
  void invertedBitsStayWithinTheMarkingBound() {
    for (long seed = 1; seed <= 5; seed++) {
      int[] trace = trace(seed);
      boolean[] discards = beladyDiscards(trace);
      for (int i = 0; i < discards.length; i++) {
        discards[i] = !discards[i];
      }
      assertTrue(faults(trace, discards) <= 2 * CAPACITY * phases(trace));
    }
  }

  @Test
  void aLoopOverOnePageTooManyStaysWithinTheMarkingBoundWhateverTheBits() {
    int[] loop = new int[100 * (CAPACITY + 1)];
    for (int i = 0; i < loop.length; i++) {
      loop[i] = i % (CAPACITY + 1);
    }
    Random random = new Random(4);
    for (int trial = 0; trial < 20; trial++) {
      boolean[] bits = new boolean[loop.length];
      for (int i = 0; i < bits.length; i++) {
        bits[i] = random.nextInt(20) < trial;
      }
      assertTrue(faults(loop, bits) <= 2 * CAPACITY * phases(loop), "trial " + trial);
    }
  }

  @Test
  void faultsGrowAtMostLinearlyInWrongBits() {
    int[] trace = trace(3);
    boolean[] perfect = beladyDiscards(trace);
    int best = faults(trace, perfect);
    Random random = new Random(1);
    for (int percent : new int[] {1, 5, 10, 20, 40}) {
      boolean[] bits = perfect.clone();
      int wrong = 0;
      for (int i = 0; i < bits.length; i++) {
        if (random.nextInt(100) < percent) {
          bits[i] = !bits[i];
          wrong++;
        }
      }
      int faults = faults(trace, bits);
      assertTrue(faults <= best + wrong, percent + " % wrong: " + faults + " after " + best);
    }
  }

  @Test
  void aMarkedPageStaysUntilItsPhaseEnds() {
    PageCache<String, Integer> cache = new PageCache<>(3, page -> 1);
    for (String key : new String[] {"a", "b", "c"}) {
      cache.get(key, false, k -> 1);
    }
    // all are marked: a new phase, and of equals the oldest goes
    cache.get("d", false, k -> 1);
    cache.get("b", false, k -> fail());
    cache.get("d", false, k -> fail());
    // c alone is unmarked, though asked for before b and d
    cache.get("e", false, k -> 1);
    cache.get("b", false, k -> fail());
    cache.get("d", false, k -> fail());
    assertEquals(5, cache.faults());
    assertEquals(4, cache.hits());
  }

  @Test
  void adviceLetsAPageGoFirstButOnlyOnceAPhase() {
    PageCache<String, Integer> cache = new PageCache<>(2, page -> 1);
    cache.get("a", false, k -> 1);
    cache.get("b", false, k -> 1);
    cache.advise("b", true);
    cache.advise("nobody", true);
    cache.get("c", true, k -> 1);
    cache.get("a", false, k -> fail());
    // wrong about b: now it stays, and c goes
    cache.get("b", true, k -> 1);
    cache.get("b", true, k -> fail());
    cache.get("a", false, k -> fail());
    assertEquals(4, cache.faults());
    cache.get("d", true, k -> 1);
    assertEquals(2, cache.size());
  }

  @Test
  void bytesAreBoundedWhateverPagesWeigh() {
    Random random = new Random(2);
    PageCache<Integer, Integer> cache = new PageCache<>(1_000, page -> page);
    for (int i = 0; i < 5_000; i++) {
      int key = random.nextInt(200);
      assertEquals(key * 7, cache.get(key, random.nextBoolean(), k -> k * 7));
      assertTrue(cache.bytes() <= 1_000);
      if (random.nextInt(10) == 0) {
        cache.remove(random.nextInt(200));
      }
    }
    // 1400 bytes: handed out, not kept, nothing let go for it
    int size = cache.size();
    assertEquals(1_400, cache.get(1_000, false, k -> 1_400));
    assertEquals(size, cache.size());
  }

  @Test
  void whatCannotBeOpenedCostsNothing() {
    PageCache<String, Integer> cache = new PageCache<>(1, page -> 1);
    cache.get("a", true, key -> 1);
    assertThrows(IllegalStateException.class, () -> cache.get("b", false, key -> fail()));
    cache.get("a", true, key -> fail());
    assertEquals(1, cache.hits());
    assertEquals(1, cache.faults());
  }

  private static int fail() {
    throw new IllegalStateException("not to be opened");
  }

  private static int faults(int[] trace, boolean[] discards) {
    PageCache<Integer, Integer> cache = new PageCache<>(CAPACITY, page -> 1);
    for (int i = 0; i < trace.length; i++) {
      cache.get(trace[i], discards[i], key -> key);
    }
    return (int) cache.faults();
  }

  /** Sessions that are read for a while, page by page, beside a few pages that all want. */
  private static int[] trace(long seed) {
    Random random = new Random(seed);
    int[] trace = new int[6_000];
    int session = 0;
    for (int i = 0; i < trace.length; i++) {
      if (random.nextInt(40) == 0) {
        session = random.nextInt(30);
      }
      trace[i] =
          random.nextInt(3) == 0
              ? (int) (8 * random.nextDouble() * random.nextDouble())
              : 100 + 10 * session + random.nextInt(10);
    }
    return trace;
  }

  /** For each request: whether the optimum lets its page go before the next one. */
  private static boolean[] beladyDiscards(int[] trace) {
    boolean[] discards = new boolean[trace.length];
    belady(trace, discards);
    return discards;
  }

  private static int belady(int[] trace, boolean[] discards) {
    int[] next = new int[trace.length];
    Map<Integer, Integer> later = new HashMap<>();
    for (int i = trace.length - 1; i >= 0; i--) {
      next[i] = later.getOrDefault(trace[i], Integer.MAX_VALUE);
      later.put(trace[i], i);
    }
    // page -> request that it is held since
    Map<Integer, Integer> held = new HashMap<>();
    int faults = 0;
    for (int i = 0; i < trace.length; i++) {
      if (!held.containsKey(trace[i])) {
        faults++;
        if (held.size() == CAPACITY) {
          int farthest = -1;
          for (int page : held.keySet()) {
            if (farthest < 0 || next[held.get(page)] > next[held.get(farthest)]) {
              farthest = page;
            }
          }
          discards[held.remove(farthest)] = true;
        }
      }
      held.put(trace[i], i);
    }
    return faults;
  }

  private static int phases(int[] trace) {
    Set<Integer> seen = new HashSet<>();
    int phases = 1;
    for (int page : trace) {
      if (seen.size() == CAPACITY && !seen.contains(page)) {
        phases++;
        seen.clear();
      }
      seen.add(page);
    }
    return phases;
  }
}
