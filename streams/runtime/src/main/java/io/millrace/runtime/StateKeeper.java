package io.millrace.runtime;

import io.millrace.operator.StateCodec;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Keeps the hot states of one task on the heap and writes what changed to a {@link ChunkStore}
 * before each commit. Sections whose revision did not move are not even encoded; of the others only
 * chunks with other content are written. States load lazily per key and leave the heap when it
 * grows past its budget, least recently used first; leaving never changes a result.
 *
 * <p>Store layout (all keys start with one byte):
 *
 * <pre>
 * 'm' key                          {@link StateManifest}: deadline, bytes of each section
 * 'c' key 0 section chunk(2, BE)   one chunk
 * 't'                              stream time, 8 bytes, big endian
 * </pre>
 *
 * <p>Cost of a commit: bytes of the changed sections, encoded and hashed once. One thread.
 *
 * @param <S> the state
 */
public final class StateKeeper<S> {
  private static final byte[] STREAM_TIME_KEY = {'t'};

  private final StateCodec<S> codec;
  private final ChunkStore store;
  private final int chunkBytes;
  private final long heapBudgetBytes;
  private final Function<S, OptionalLong> deadline;
  private final MessageDigest sha256;
  private final LinkedHashMap<String, Resident<S>> residents = new LinkedHashMap<>(64, 0.75f, true);
  private final List<Resident<S>> dirty = new ArrayList<>();
  private final TreeSet<Deadline> deadlines = new TreeSet<>();
  private long streamTimeMillis = Long.MIN_VALUE;
  private long storedStreamTimeMillis = Long.MIN_VALUE;
  private long heapBytes;
  private long writtenBytes;
  private long storedKeys;

  /** A key's deadline, ordered by time, then key. */
  private record Deadline(long millis, String key) implements Comparable<Deadline> {
    @Override
    public int compareTo(Deadline other) {
      int byTime = Long.compare(millis, other.millis);
      return byTime != 0 ? byTime : key.compareTo(other.key);
    }
  }

  /** A state on the heap with what of it lies in the store. */
  private static final class Resident<S> {
    final String key;
    S state;
    boolean dirty;
    boolean stored;
    long heapBytes;
    OptionalLong indexed = OptionalLong.empty();
    final long[] revisions;
    final long[][] chunkHashes;
    final int[] sectionBytes;

    Resident(String key, S state, int sections) {
      this.key = key;
      this.state = state;
      this.revisions = new long[sections];
      this.chunkHashes = new long[sections][0];
      this.sectionBytes = new int[sections];
      java.util.Arrays.fill(revisions, Long.MIN_VALUE);
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
    this.chunkBytes = chunkBytes;
    this.heapBudgetBytes = heapBudgetBytes;
    this.deadline = deadline;
    try {
      this.sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Reads the deadlines, the stream time and the number of keys back after a restart. */
  public void restoreIndex() {
    byte[] time = store.get(STREAM_TIME_KEY);
    streamTimeMillis = time == null ? Long.MIN_VALUE : ByteBuffer.wrap(time).getLong();
    storedStreamTimeMillis = streamTimeMillis;
    storedKeys = 0;
    deadlines.clear();
    store.scan(
        StateManifest.PREFIX,
        (key, value) -> {
          storedKeys++;
          StateManifest manifest = StateManifest.decode(value);
          String name = StateManifest.stateKey(key);
          manifest.deadlineMillis().ifPresent(at -> deadlines.add(new Deadline(at, name)));
        });
  }

  /** The state of a key, from the heap or the store; null when the key has none. */
  public S getOrNull(String key) {
    Resident<S> resident = residents.get(key);
    if (resident == null) {
      resident = loadOrNull(key);
      if (resident == null) {
        return null;
      }
      residents.put(key, resident);
      heapBytes += resident.heapBytes;
      boundHeap();
    }
    return resident.state;
  }

  /** Says that a key's state was created or mutated. */
  public void changed(String key, S state) {
    Resident<S> resident = residents.get(key);
    if (resident == null) {
      resident = new Resident<>(key, state, codec.sections());
      residents.put(key, resident);
      storedKeys++;
      resident.heapBytes = codec.heapBytes(state);
      heapBytes += resident.heapBytes;
    }
    resident.state = state;
    if (!resident.dirty) {
      resident.dirty = true;
      dirty.add(resident);
    }
    OptionalLong next = deadline.apply(state);
    // a deadline that moves on with every record is looked at again when the indexed one is due
    if (next.isPresent()
        && (resident.indexed.isEmpty() || next.getAsLong() < resident.indexed.getAsLong())) {
      index(resident, next);
    }
    boundHeap();
  }

  /** Removes a key's state from heap and store. */
  public void forget(String key) {
    Resident<S> resident = residents.remove(key);
    if (resident == null) {
      return;
    }
    index(resident, OptionalLong.empty());
    heapBytes -= resident.heapBytes;
    storedKeys--;
    if (resident.dirty) {
      dirty.remove(resident);
    }
    if (resident.stored) {
      for (int section = 0; section < codec.sections(); section++) {
        for (int chunk = 0; chunk < resident.chunkHashes[section].length; chunk++) {
          store.put(StateManifest.chunkKey(key, section, chunk), null);
        }
      }
      store.put(StateManifest.key(key), null);
    }
  }

  /** Event time reached by this task: the largest ever given to {@link #advance}. */
  public long streamTimeMillis() {
    return streamTimeMillis;
  }

  /** Moves stream time forward; an earlier time changes nothing. */
  public void advance(long eventTimeMillis) {
    streamTimeMillis = Math.max(streamTimeMillis, eventTimeMillis);
  }

  /** A key whose deadline stream time has reached, earliest first; null when there is none. */
  public String dueOrNull() {
    long nowMillis = streamTimeMillis;
    while (!deadlines.isEmpty() && deadlines.first().millis() <= nowMillis) {
      Deadline first = deadlines.first();
      S state = getOrNull(first.key());
      if (state == null) {
        deadlines.remove(first);
        continue;
      }
      OptionalLong actual = deadline.apply(state);
      if (!actual.equals(OptionalLong.of(first.millis()))) {
        deadlines.remove(first);
      }
      index(residents.get(first.key()), actual);
      if (actual.isPresent() && actual.getAsLong() <= nowMillis) {
        return first.key();
      }
    }
    return null;
  }

  /** Writes all changes to the store: to be called before the engine commits. */
  public void flush() {
    for (Resident<S> resident : dirty) {
      write(resident);
    }
    dirty.clear();
    if (streamTimeMillis != storedStreamTimeMillis) {
      put(STREAM_TIME_KEY, ByteBuffer.allocate(Long.BYTES).putLong(streamTimeMillis).array());
      storedStreamTimeMillis = streamTimeMillis;
    }
    evict();
  }

  /** Keys with a state, on the heap or not. */
  public long keys() {
    return storedKeys;
  }

  /** Bytes of the states on the heap, as of the last flush. */
  public long heapBytes() {
    return heapBytes;
  }

  /** Bytes written to the store since the start. */
  public long writtenBytes() {
    return writtenBytes;
  }

  /** Within a transaction a flush is as good as at its end; what was touched last stays. */
  private void boundHeap() {
    if (heapBytes > heapBudgetBytes && residents.size() > 1) {
      flush();
    }
  }

  private void index(Resident<S> resident, OptionalLong next) {
    if (resident.indexed.equals(next)) {
      return;
    }
    resident.indexed.ifPresent(at -> deadlines.remove(new Deadline(at, resident.key)));
    next.ifPresent(at -> deadlines.add(new Deadline(at, resident.key)));
    resident.indexed = next;
  }

  private void write(Resident<S> resident) {
    boolean manifestChanged = !resident.stored;
    for (int section = 0; section < codec.sections(); section++) {
      long revision = codec.revision(resident.state, section);
      if (resident.stored && revision == resident.revisions[section]) {
        continue;
      }
      byte[] bytes = codec.encode(resident.state, section);
      manifestChanged |= bytes.length != resident.sectionBytes[section];
      writeChunks(resident, section, bytes);
      resident.revisions[section] = revision;
      resident.sectionBytes[section] = bytes.length;
    }
    // the deadline is part of the manifest and moves with most records that have one
    if (manifestChanged || resident.indexed.isPresent()) {
      put(
          StateManifest.key(resident.key),
          new StateManifest(resident.indexed, chunkBytes, resident.sectionBytes.clone()).encode());
    }
    resident.stored = true;
    resident.dirty = false;
    long before = resident.heapBytes;
    resident.heapBytes = codec.heapBytes(resident.state);
    heapBytes += resident.heapBytes - before;
  }

  private void writeChunks(Resident<S> resident, int section, byte[] bytes) {
    int chunks = (bytes.length + chunkBytes - 1) / chunkBytes;
    long[] before = resident.chunkHashes[section];
    long[] hashes = new long[chunks];
    for (int chunk = 0; chunk < chunks; chunk++) {
      int from = chunk * chunkBytes;
      int length = Math.min(chunkBytes, bytes.length - from);
      hashes[chunk] = hash(bytes, from, length);
      if (chunk >= before.length || hashes[chunk] != before[chunk]) {
        byte[] value = java.util.Arrays.copyOfRange(bytes, from, from + length);
        put(StateManifest.chunkKey(resident.key, section, chunk), value);
      }
    }
    for (int chunk = chunks; chunk < before.length; chunk++) {
      store.put(StateManifest.chunkKey(resident.key, section, chunk), null);
    }
    resident.chunkHashes[section] = hashes;
  }

  private void put(byte[] key, byte[] value) {
    store.put(key, value);
    writtenBytes += key.length + value.length;
  }

  private Resident<S> loadOrNull(String key) {
    byte[] manifestBytes = store.get(StateManifest.key(key));
    if (manifestBytes == null) {
      return null;
    }
    StateManifest manifest = StateManifest.decode(manifestBytes);
    int sections = codec.sections();
    if (manifest.sectionBytes().length != sections) {
      throw new IllegalStateException(
          "state of key "
              + key
              + " has "
              + manifest.sectionBytes().length
              + " sections, expected "
              + sections);
    }
    byte[][] bytes = new byte[sections][];
    Resident<S> resident = new Resident<>(key, null, sections);
    for (int section = 0; section < sections; section++) {
      bytes[section] = readSection(resident, manifest, section);
      resident.sectionBytes[section] = bytes[section].length;
    }
    resident.state = codec.decode(bytes);
    for (int section = 0; section < sections; section++) {
      // chunks cut by another size must be cut anew, so only then is the section written again
      boolean sameCut = manifest.chunkBytes() == chunkBytes;
      resident.revisions[section] =
          sameCut ? codec.revision(resident.state, section) : Long.MIN_VALUE;
    }
    resident.stored = true;
    resident.indexed = manifest.deadlineMillis();
    resident.heapBytes = codec.heapBytes(resident.state);
    return resident;
  }

  private byte[] readSection(Resident<S> resident, StateManifest manifest, int section) {
    byte[] bytes = new byte[manifest.sectionBytes()[section]];
    int chunks = (bytes.length + manifest.chunkBytes() - 1) / manifest.chunkBytes();
    resident.chunkHashes[section] = new long[chunks];
    for (int chunk = 0; chunk < chunks; chunk++) {
      int from = chunk * manifest.chunkBytes();
      int length = Math.min(manifest.chunkBytes(), bytes.length - from);
      byte[] value = store.get(StateManifest.chunkKey(resident.key, section, chunk));
      if (value == null || value.length != length) {
        throw new IllegalStateException(
            "state of key "
                + resident.key
                + ", section "
                + section
                + ", chunk "
                + chunk
                + " has "
                + (value == null ? "no" : value.length)
                + " bytes, expected "
                + length);
      }
      System.arraycopy(value, 0, bytes, from, length);
      resident.chunkHashes[section][chunk] = hash(value, 0, length);
    }
    return bytes;
  }

  /** 64 bits of SHA-256: equal content is the only way to an equal hash that will be met. */
  private long hash(byte[] bytes, int from, int length) {
    sha256.update(bytes, from, length);
    return ByteBuffer.wrap(sha256.digest()).getLong();
  }

  private void evict() {
    Iterator<Map.Entry<String, Resident<S>>> eldest = residents.entrySet().iterator();
    while (heapBytes > heapBudgetBytes && residents.size() > 1 && eldest.hasNext()) {
      Resident<S> resident = eldest.next().getValue();
      heapBytes -= resident.heapBytes;
      eldest.remove();
    }
  }
}
