package io.millrace.runtime;

import io.millrace.operator.StateCodec;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Keeps the hot states of one task on the heap and writes what changed to a {@link ChunkStore}
 * before each commit. States load lazily per key and leave the heap when it grows past its budget,
 * least recently used first; leaving never changes a result.
 *
 * <p>Store layout (all keys start with one byte):
 *
 * <pre>
 * 'm' key                          {@link StateManifest}: deadline, bytes of each section
 * 'c' key 0 section chunk(4, BE)   one chunk
 * 't'                              stream time, 8 bytes, big endian
 * </pre>
 *
 * <p>Deadlines are indexed by lower bounds: one that moves on with every record is looked at again
 * only when the indexed one is due. The index entry of a key is always that of its manifest, or the
 * key is dirty: so eviction and restart find the same index.
 *
 * <p>Cost of a commit: bytes of the changed sections, encoded and hashed once. One thread.
 *
 * @param <S> the state
 */
public final class StateKeeper<S> {
  private static final byte[] STREAM_TIME_KEY = {'t'};

  private final StateCodec<S> codec;
  private final ChunkStore store;
  private final long heapBudgetBytes;
  private final Function<S, OptionalLong> deadline;
  private final ChunkedStates<S> states;
  private final LinkedHashMap<String, ResidentState<S>> residents =
      new LinkedHashMap<>(64, 0.75f, true);
  private final TreeSet<Deadline> deadlines = new TreeSet<>();
  private final List<ResidentState<S>> dirty = new ArrayList<>();
  private ResidentState<S> recentOrNull;
  private long streamTimeMillis = Long.MIN_VALUE;
  private long storedStreamTimeMillis = Long.MIN_VALUE;
  private long heapBytes;
  private long keys;

  /** A key's deadline, ordered by time, then key. */
  private record Deadline(long millis, String key) implements Comparable<Deadline> {
    @Override
    public int compareTo(Deadline other) {
      int byTime = Long.compare(millis, other.millis);
      return byTime != 0 ? byTime : key.compareTo(other.key);
    }
  }

  /**
   * @param chunkBytes largest value written to the store
   * @param heapBudgetBytes states beyond this leave the heap, least recently used first
   * @param deadline the next deadline of a state, for the index
   */
  public StateKeeper(
      StateCodec<S> codec,
      ChunkStore store,
      int chunkBytes,
      long heapBudgetBytes,
      Function<S, OptionalLong> deadline) {
    this.codec = codec;
    this.store = store;
    this.heapBudgetBytes = heapBudgetBytes;
    this.deadline = deadline;
    this.states = new ChunkedStates<>(codec, store, chunkBytes);
  }

  /**
   * Reads the deadlines, the stream time and the number of keys back after a restart: once, before
   * anything else.
   *
   * @throws IllegalStateException for a damaged entry
   */
  public void restoreIndex() {
    byte[] time = store.get(STREAM_TIME_KEY);
    if (time != null) {
      if (time.length != Long.BYTES) {
        throw new IllegalStateException(
            "kept stream time has " + time.length + " bytes, expected " + Long.BYTES);
      }
      streamTimeMillis = ByteBuffer.wrap(time).getLong();
      storedStreamTimeMillis = streamTimeMillis;
    }
    store.scan(
        StateManifest.PREFIX,
        (key, value) -> {
          String name = StateManifest.stateKey(key);
          try {
            StateManifest.decode(value)
                .deadlineMillis()
                .ifPresent(at -> deadlines.add(new Deadline(at, name)));
          } catch (IllegalArgumentException e) {
            throw new IllegalStateException("kept state of key " + name + ": " + e.getMessage(), e);
          }
          keys++;
        });
  }

  /** The state of a key, from the heap or the store; null when the key has none. */
  public S getOrNull(String key) {
    ResidentState<S> resident = residentOrNull(key);
    return resident == null ? null : resident.state;
  }

  /**
   * Says that a key's state was created or mutated.
   *
   * @param state what {@link #getOrNull} gave last, or a new one where it gave null
   */
  public void changed(String key, S state) {
    ResidentState<S> resident = recent(key);
    if (resident == null) {
      resident = new ResidentState<>(key, state, codec.sections());
      keys++;
      admit(resident);
    } else if (resident.state != state) {
      throw new IllegalStateException("key " + key + " has another state than the one changed");
    }
    markDirty(resident);
    OptionalLong next = deadline.apply(state);
    if (next.isPresent()
        && (resident.indexed.isEmpty() || next.getAsLong() < resident.indexed.getAsLong())) {
      index(resident, next);
    }
    boundHeap();
  }

  /** Removes a key's state from heap and store; nothing happens when it has none. */
  public void forget(String key) {
    ResidentState<S> resident = residentOrNull(key);
    if (resident == null) {
      return;
    }
    index(resident, OptionalLong.empty());
    residents.remove(key);
    recentOrNull = null;
    heapBytes -= resident.heapBytes;
    keys--;
    // takes it out of the next flush
    resident.dirty = false;
    states.remove(resident);
  }

  /** Event time reached by this task: the largest ever given to {@link #advance}. */
  public long streamTimeMillis() {
    return streamTimeMillis;
  }

  /** Moves stream time forward; an earlier time changes nothing. */
  public void advance(long eventTimeMillis) {
    streamTimeMillis = Math.max(streamTimeMillis, eventTimeMillis);
  }

  /** The key with the earliest deadline that stream time has reached; null when there is none. */
  public String dueOrNull() {
    while (!deadlines.isEmpty() && deadlines.first().millis() <= streamTimeMillis) {
      Deadline first = deadlines.first();
      ResidentState<S> resident = residentOrNull(first.key());
      if (resident == null) {
        throw new IllegalStateException("key " + first.key() + " has a deadline and no state");
      }
      OptionalLong actual = deadline.apply(resident.state);
      if (actual.isPresent() && actual.getAsLong() == first.millis()) {
        return first.key();
      }
      index(resident, actual);
    }
    return null;
  }

  /** Writes all changes to the store: to be called before the engine commits. */
  public void flush() {
    for (ResidentState<S> resident : dirty) {
      // a forgotten key stays in the list, no longer dirty
      if (resident.dirty) {
        states.write(resident);
        resident.dirty = false;
        measure(resident);
      }
    }
    dirty.clear();
    if (streamTimeMillis != storedStreamTimeMillis) {
      states.put(
          STREAM_TIME_KEY, ByteBuffer.allocate(Long.BYTES).putLong(streamTimeMillis).array());
      storedStreamTimeMillis = streamTimeMillis;
    }
    evict();
  }

  /** Keys with a state, on the heap or not. */
  public long keys() {
    return keys;
  }

  /** Bytes of the states on the heap, as of the last flush. */
  public long heapBytes() {
    return heapBytes;
  }

  /** Bytes written to the store since the start. */
  public long writtenBytes() {
    return states.writtenBytes();
  }

  private ResidentState<S> residentOrNull(String key) {
    ResidentState<S> resident = recent(key);
    if (resident == null) {
      resident = states.readOrNull(key);
      if (resident != null) {
        resident.indexed = resident.storedDeadline;
        admit(resident);
        boundHeap();
      }
    }
    return resident;
  }

  /** From the heap alone. Most calls are for the key of the call before. */
  private ResidentState<S> recent(String key) {
    if (recentOrNull == null || !recentOrNull.key.equals(key)) {
      recentOrNull = residents.get(key);
    }
    return recentOrNull;
  }

  private void admit(ResidentState<S> resident) {
    residents.put(resident.key, resident);
    recentOrNull = resident;
    measure(resident);
  }

  private void measure(ResidentState<S> resident) {
    long before = resident.heapBytes;
    resident.heapBytes = codec.heapBytes(resident.state);
    heapBytes += resident.heapBytes - before;
  }

  private void markDirty(ResidentState<S> resident) {
    if (!resident.dirty) {
      resident.dirty = true;
      dirty.add(resident);
    }
  }

  private void index(ResidentState<S> resident, OptionalLong next) {
    if (resident.indexed.equals(next)) {
      return;
    }
    resident.indexed.ifPresent(at -> deadlines.remove(new Deadline(at, resident.key)));
    next.ifPresent(at -> deadlines.add(new Deadline(at, resident.key)));
    resident.indexed = next;
    // the manifest carries the index entry through eviction and restart
    markDirty(resident);
  }

  /** Within a transaction a flush is as good as at its end; what was touched last stays. */
  private void boundHeap() {
    if (heapBytes > heapBudgetBytes && residents.size() > 1) {
      flush();
    }
  }

  private void evict() {
    Iterator<ResidentState<S>> eldest = residents.values().iterator();
    while (heapBytes > heapBudgetBytes && residents.size() > 1) {
      heapBytes -= eldest.next().heapBytes;
      eldest.remove();
    }
  }
}
