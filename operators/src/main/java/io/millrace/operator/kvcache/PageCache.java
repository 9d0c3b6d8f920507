package io.millrace.operator.kvcache;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * The hot tier of a reader: opened pages up to a number of bytes, and which to let go by one bit of
 * advice a page, "will not be asked for soon".
 *
 * <p>Marking with succinct predictions (Antoniadis, Boyar, Elias, Favrholdt, Hoeksma, Larsen,
 * Polak, Simon, 2022, arXiv 2210.02775). A phase lasts while the different pages asked for fit; in
 * it what is asked for without the bit is marked and stays. Room is made among the others, those
 * with the bit first, the least lately asked for among equals. Theirs draws lots among equals; an
 * order is the same everywhere. Ours besides: a page let go for its bit and asked for again in the
 * same phase is marked whatever its bit.
 *
 * <p>Bits that are right, set where the optimum of Belady (1966) would let go before the next
 * request, cost about its faults. Whatever the bits are, a phase costs at most two faults for each
 * page that fits, where marking without bits costs one.
 *
 * <p>A page larger than the cache is handed out and not kept. One thread.
 *
 * @param <K> what pages are asked for by
 * @param <V> an opened page
 */
public final class PageCache<K, V> {
  private static final class Entry<V> {
    final V page;
    final long bytes;
    boolean marked;
    boolean discardable;
    // was let go for its bit in this phase, wrongly
    boolean missed;

    Entry(V page, long bytes) {
      this.page = page;
      this.bytes = bytes;
    }
  }

  private final long capacity;
  private final ToLongFunction<V> weight;
  private final Map<K, Entry<V>> index = new HashMap<>();
  // the same entries by time of the last request, oldest first
  private final LinkedHashMap<K, Entry<V>> entries = new LinkedHashMap<>(16, 0.75f, true);
  // what was let go for its bit in this phase
  private final Set<K> discarded = new HashSet<>();
  private final Set<K> asked = new HashSet<>();
  private long askedBytes;
  private long bytes;
  private long hits;
  private long faults;

  /**
   * An empty cache.
   *
   * @param capacity bytes, at least 0; 0 keeps nothing
   * @param weight bytes of an opened page, at least 0
   */
  public PageCache(long capacity, ToLongFunction<V> weight) {
    if (capacity < 0) {
      throw new IllegalArgumentException("capacity is " + capacity + ", expected at least 0");
    }
    this.capacity = capacity;
    this.weight = weight;
  }

  /**
   * A page, opened when it is not here.
   *
   * @param discardable the bit of advice
   * @param open what it throws is thrown on, and nothing is let go then
   */
  public V get(K key, boolean discardable, Function<? super K, ? extends V> open) {
    Entry<V> entry = entries.get(key);
    if (entry != null) {
      hits++;
      enter(key, entry);
    } else {
      V page = open.apply(key);
      faults++;
      entry = new Entry<>(page, weight.applyAsLong(page));
      if (entry.bytes > capacity) {
        return page;
      }
      enter(key, entry);
      entry.missed = discarded.remove(key);
      makeRoom(entry.bytes);
      entries.put(key, entry);
      index.put(key, entry);
      bytes += entry.bytes;
    }
    entry.discardable = discardable;
    entry.marked = !discardable || entry.missed;
    return entry.page;
  }

  /** Changes a page's bit without asking for the page; nothing where it is not here. */
  public void advise(K key, boolean discardable) {
    Entry<V> entry = index.get(key);
    if (entry != null) {
      entry.discardable = discardable;
      entry.marked &= !discardable || entry.missed;
    }
  }

  /** Forgets a page, for example one that was superseded. */
  public void remove(K key) {
    Entry<V> entry = entries.remove(key);
    if (entry != null) {
      index.remove(key);
      bytes -= entry.bytes;
    }
  }

  /** Bytes of the pages here. */
  public long bytes() {
    return bytes;
  }

  /** Pages here. */
  public int size() {
    return entries.size();
  }

  /** Requests that found their page. */
  public long hits() {
    return hits;
  }

  /** Requests that had to open theirs. */
  public long faults() {
    return faults;
  }

  /** Counts a page to the phase; begins another where it does not fit. */
  private void enter(K key, Entry<V> requested) {
    if (asked.contains(key)) {
      return;
    }
    if (askedBytes + requested.bytes > capacity) {
      asked.clear();
      askedBytes = 0;
      discarded.clear();
      for (Entry<V> entry : entries.values()) {
        entry.marked = false;
        entry.missed = false;
      }
    }
    asked.add(key);
    askedBytes += requested.bytes;
  }

  private void makeRoom(long needed) {
    // what is marked was asked for in this phase, so with the new page it fits
    while (bytes + needed > capacity && (evict(true) || evict(false))) {}
  }

  /** Lets the oldest unmarked page go; false where there is none. */
  private boolean evict(boolean onlyDiscardable) {
    Iterator<Map.Entry<K, Entry<V>>> oldestFirst = entries.entrySet().iterator();
    while (oldestFirst.hasNext()) {
      Map.Entry<K, Entry<V>> next = oldestFirst.next();
      Entry<V> entry = next.getValue();
      if (!entry.marked && (entry.discardable || !onlyDiscardable)) {
        oldestFirst.remove();
        index.remove(next.getKey());
        if (onlyDiscardable) {
          discarded.add(next.getKey());
        }
        bytes -= entry.bytes;
        return true;
      }
    }
    return false;
  }
}
