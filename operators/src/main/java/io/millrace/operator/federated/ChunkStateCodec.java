package io.millrace.operator.federated;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * State bytes of one chunk of a model, in 42 sections so that a commit writes little: an update
 * changes one of {@value ChunkState#PENDING_BUCKETS} buckets, a version one of {@value
 * ChunkState#VERSION_BUCKETS}, and a client's memory one of {@value ChunkState#MEMORY_BUCKETS}.
 *
 * <pre>
 * section 0    text key | i32 P (0: no version 0 yet) | i32 c | 32 bytes schema hash where P > 0
 *              flag deciding | i32 runs, each i64 first, last: tasks done with
 *              i32 freezes, each i32 bytes, RoundFreeze in single-object encoding
 * section 1    text optimiser | i32 arrays, each i32 length, f64 each | i32 c or 0, f32 each:
 *              previous aggregate | flag, i32 bits, c x i64: sum of memories
 * section 2+   i32 count | each i64 version, c x f64
 * section 10+  i32 count | each i64 sequence, text client, i64 base, i64 seed, text codec,
 *              32 bytes digest, f32 largest, i32 bytes, payload, i32 bytes, second payload,
 *              flag, 32 bytes: digest of another chunk under the same task
 * section 26+  i32 count | each text client, i64 version, i64 sequence, c x i64
 * </pre>
 *
 * <p>Reading checks that memories sum to what is held of their sum: an increment that was lost or
 * counted twice is found at the next restart. One thread.
 */
public final class ChunkStateCodec implements StateCodec<ChunkState> {
  private static final byte VERSION = 1;
  private static final int SERVER = 1;
  private static final int VERSIONS = 2;
  private static final int PENDING = VERSIONS + ChunkState.VERSION_BUCKETS;
  private static final int MEMORIES = PENDING + ChunkState.PENDING_BUCKETS;
  private static final int SECTIONS = MEMORIES + ChunkState.MEMORY_BUCKETS;
  private static final int DIGEST = UpdateIntake.DIGEST_BYTES;
  private static final int MOST_ARRAYS = 1 << 14;

  private final SingleObject<RoundFreeze> freezes = SingleObject.of(RoundFreeze.class);

  @Override
  public int sections() {
    return SECTIONS;
  }

  @Override
  public long revision(ChunkState state, int section) {
    if (section < VERSIONS) {
      return section == 0 ? state.revision : state.optimiserRevision;
    }
    if (section < PENDING) {
      return state.versionRevisions[section - VERSIONS];
    }
    return section < MEMORIES
        ? state.pendingRevisions[section - PENDING]
        : state.memoryRevisions[section - MEMORIES];
  }

  @Override
  public byte[] encode(ChunkState state, int section) {
    if (section == 0) {
      return encodeFirst(state);
    }
    if (section == SERVER) {
      return encodeServer(state);
    }
    if (section < PENDING) {
      return encodeVersions(state, section);
    }
    return section < MEMORIES ? encodePending(state, section) : encodeMemories(state, section);
  }

  @Override
  public ChunkState decode(byte[][] sections) {
    if (sections.length != SECTIONS) {
      throw new IllegalArgumentException(
          "chunk state has " + sections.length + " sections, expected " + SECTIONS);
    }
    ByteBuffer[] in = new ByteBuffer[SECTIONS];
    for (int section = 0; section < SECTIONS; section++) {
      in[section] =
          StateHeader.open(sections[section], StateHeader.FEDERATED_CHUNK, VERSION, section);
    }
    StateHeader.need(in[0], Short.BYTES);
    ChunkState state = new ChunkState(StateHeader.getText(in[0]));
    int length = decodeFirst(in[0], state);
    for (int section = VERSIONS; section < PENDING; section++) {
      decodeVersions(in[section], state, section - VERSIONS, length);
    }
    if (state.isStarted() == state.versions.isEmpty()) {
      throw new IllegalArgumentException(
          "chunk state of " + state.chunkCount + " chunks has no version, or has without any");
    }
    decodeServer(in[SERVER], state, length);
    for (int section = PENDING; section < MEMORIES; section++) {
      decodePending(in[section], state, section - PENDING);
    }
    for (int section = MEMORIES; section < SECTIONS; section++) {
      decodeMemories(in[section], state, section - MEMORIES, length);
    }
    for (ByteBuffer section : in) {
      StateHeader.end(section);
    }
    checkFreezes(state);
    audit(state);
    return state;
  }

  private static void audit(ChunkState state) {
    boolean sums;
    try {
      sums = state.audit();
    } catch (ArithmeticException overflow) {
      sums = false;
    }
    if (!sums) {
      throw new IllegalArgumentException("memories of clients do not sum to the server's");
    }
  }

  @Override
  public long heapBytes(ChunkState state) {
    long numbers = (long) state.versions.size() * state.length() + state.aggregate.length;
    for (double[] array : state.optimiserMemory) {
      numbers += array.length;
    }
    numbers += state.totalOrNull == null ? 0 : (1L + state.memories.size()) * state.length();
    return 4096 + Long.BYTES * numbers + state.pendingBytes + 400L * state.pending.size();
  }

  private static ByteBuffer begin(int section, long bytes) {
    return StateHeader.begin(StateHeader.FEDERATED_CHUNK, VERSION, section, Math.toIntExact(bytes));
  }

  private byte[] encodeFirst(ChunkState state) {
    List<byte[]> framed = state.freezes.stream().map(freezes::encode).toList();
    Map<Long, Long> runs = state.done.runs();
    long bytes = StateHeader.textBytes(state.key) + 2 * Integer.BYTES + state.schemaHash.length;
    bytes += 1 + Integer.BYTES + 2L * Long.BYTES * runs.size() + Integer.BYTES;
    bytes += framed.stream().mapToLong(freeze -> Integer.BYTES + freeze.length).sum();
    ByteBuffer out = begin(0, bytes);
    StateHeader.putText(out, state.key);
    out.putInt(state.chunkCount).putInt(state.length()).put(state.schemaHash);
    StateHeader.putFlag(out, state.deciding);
    out.putInt(runs.size());
    runs.forEach((first, last) -> out.putLong(first).putLong(last));
    out.putInt(framed.size());
    framed.forEach(freeze -> out.putInt(freeze.length).put(freeze));
    return out.array();
  }

  private int decodeFirst(ByteBuffer in, ChunkState state) {
    StateHeader.need(in, 2 * Integer.BYTES);
    state.chunkCount = in.getInt();
    int length = in.getInt();
    boolean started = state.chunkCount > 0;
    if (state.chunkCount < 0
        || state.chunkCount > FederatedKeys.MOST_CHUNKS
        || length < 0
        || length > ChunkVersions.MOST_NUMBERS
        || started != length > 0) {
      throw new IllegalArgumentException(
          "chunk state has " + state.chunkCount + " chunks and " + length + " numbers");
    }
    if (started) {
      state.schemaHash = bytes(in, DIGEST);
    }
    state.deciding = StateHeader.getFlag(in);
    int runs = count(in, 2 * Long.BYTES);
    for (int i = 0; i < runs; i++) {
      state.done.append(in.getLong(), in.getLong());
    }
    int count = count(in, Integer.BYTES);
    for (int i = 0; i < count; i++) {
      state.freezes.add(decodeFreeze(sized(in)));
    }
    return length;
  }

  /** Only bytes that would be written again are read. */
  private RoundFreeze decodeFreeze(byte[] framed) {
    try {
      RoundFreeze freeze = freezes.decode(framed);
      if (!Arrays.equals(freezes.encode(freeze), framed)) {
        throw new IllegalArgumentException("freeze in the state is not as it was written");
      }
      return freeze;
    } catch (UnreadableRecordException e) {
      throw new IllegalArgumentException("freeze in the state: " + e.getMessage(), e);
    }
  }

  private static void checkFreezes(ChunkState state) {
    long version = state.newestVersion();
    for (RoundFreeze freeze : state.freezes) {
      version++;
      if (freeze.getVersion() != version) {
        throw new IllegalArgumentException(
            "freeze of version " + freeze.getVersion() + ", expected " + version);
      }
    }
    if (state.deciding) {
      if (state.freezes.isEmpty()) {
        throw new IllegalArgumentException("a decision is awaited for no freeze");
      }
      for (Contribution part : state.freezes.element().getContributions()) {
        if (!state.pending.containsKey(part.getSequence())) {
          throw new IllegalArgumentException("update " + part.getSequence() + " is decided upon");
        }
      }
    }
  }

  private static byte[] encodeServer(ChunkState state) {
    long bytes = StateHeader.textBytes(state.optimiserId) + Integer.BYTES;
    for (double[] array : state.optimiserMemory) {
      bytes += Integer.BYTES + (long) Double.BYTES * array.length;
    }
    bytes += Integer.BYTES + (long) Float.BYTES * state.aggregate.length + 1;
    FixedPointMemory total = state.totalOrNull;
    bytes += total == null ? 0 : Integer.BYTES + (long) Long.BYTES * total.length();
    ByteBuffer out = begin(SERVER, bytes);
    StateHeader.putText(out, state.optimiserId);
    out.putInt(state.optimiserMemory.length);
    for (double[] array : state.optimiserMemory) {
      out.putInt(array.length);
      putDoubles(out, array);
    }
    out.putInt(state.aggregate.length);
    StateHeader.putFloats(out, state.aggregate, 0, state.aggregate.length);
    StateHeader.putFlag(out, total != null);
    if (total != null) {
      out.putInt(total.bits());
      putLongs(out, total.sums());
    }
    return out.array();
  }

  private static void decodeServer(ByteBuffer in, ChunkState state, int length) {
    state.optimiserId = StateHeader.getText(in);
    int arrays = count(in, Integer.BYTES);
    if (arrays > MOST_ARRAYS) {
      throw new IllegalArgumentException("optimiser has " + arrays + " arrays");
    }
    state.optimiserMemory = new double[arrays][];
    for (int i = 0; i < arrays; i++) {
      int size = count(in, Double.BYTES);
      state.optimiserMemory[i] = doubles(in, size);
    }
    StateHeader.need(in, Integer.BYTES);
    state.aggregate = StateHeader.getFloats(in, in.getInt());
    for (float value : state.aggregate) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("aggregate in the state is " + value);
      }
    }
    if (state.aggregate.length != 0 && state.aggregate.length != length) {
      throw new IllegalArgumentException(
          "aggregate in the state has " + state.aggregate.length + " numbers of " + length);
    }
    if (StateHeader.getFlag(in)) {
      StateHeader.need(in, Integer.BYTES);
      int bits = in.getInt();
      if (length == 0) {
        throw new IllegalArgumentException("memories in the state of a chunk without version");
      }
      state.totalOrNull = FixedPointMemory.restored(longs(in, length), bits);
    }
  }

  private static byte[] encodeVersions(ChunkState state, int section) {
    List<Map.Entry<Long, double[]>> held = new ArrayList<>();
    for (Map.Entry<Long, double[]> entry : state.versions.entrySet()) {
      if (ChunkState.versionBucket(entry.getKey()) == section - VERSIONS) {
        held.add(entry);
      }
    }
    long one = Long.BYTES + (long) Double.BYTES * state.length();
    ByteBuffer out = begin(section, Integer.BYTES + one * held.size());
    out.putInt(held.size());
    for (Map.Entry<Long, double[]> entry : held) {
      out.putLong(entry.getKey());
      putDoubles(out, entry.getValue());
    }
    return out.array();
  }

  private static void decodeVersions(ByteBuffer in, ChunkState state, int bucket, int length) {
    int count = count(in, Long.BYTES + Double.BYTES * length);
    long before = -1;
    for (int i = 0; i < count; i++) {
      long version = in.getLong();
      if (version <= before || ChunkState.versionBucket(version) != bucket || length == 0) {
        throw new IllegalArgumentException(
            "version " + version + " comes after " + before + " in bucket " + bucket);
      }
      before = version;
      state.versions.put(version, doubles(in, length));
    }
  }

  private static byte[] encodePending(ChunkState state, int section) {
    List<PendingUpdate> held = new ArrayList<>();
    long bytes = Integer.BYTES;
    for (PendingUpdate update : state.pending.values()) {
      long sequence = update.source().sequence();
      if (ChunkState.pendingBucket(sequence) == section - PENDING) {
        held.add(update);
        bytes += 3 * Long.BYTES + StateHeader.textBytes(update.source().client());
        bytes += StateHeader.textBytes(update.codec()) + DIGEST + Float.BYTES;
        bytes += 2 * Integer.BYTES + update.bytes() + 1;
        bytes += state.contested.containsKey(sequence) ? DIGEST : 0;
      }
    }
    ByteBuffer out = begin(section, bytes);
    out.putInt(held.size());
    for (PendingUpdate update : held) {
      out.putLong(update.source().sequence());
      StateHeader.putText(out, update.source().client());
      out.putLong(update.source().baseVersion()).putLong(update.source().seed());
      StateHeader.putText(out, update.codec());
      out.put(update.digest()).putFloat(update.largest());
      out.putInt(update.payload().length).put(update.payload());
      out.putInt(update.second().length).put(update.second());
      byte[] contested = state.contested.get(update.source().sequence());
      StateHeader.putFlag(out, contested != null);
      if (contested != null) {
        out.put(contested);
      }
    }
    return out.array();
  }

  private static void decodePending(ByteBuffer in, ChunkState state, int bucket) {
    int count = count(in, DIGEST);
    long before = -1;
    for (int i = 0; i < count; i++) {
      StateHeader.need(in, Long.BYTES);
      long sequence = in.getLong();
      String client = StateHeader.getText(in);
      StateHeader.need(in, 2 * Long.BYTES);
      long base = in.getLong();
      long seed = in.getLong();
      String codec = StateHeader.getText(in);
      if (MaskedCodec.isMasked(codec)) {
        MaskedCodec.named(codec);
      } else {
        UpdateCodecs.named(codec);
      }
      byte[] digest = bytes(in, DIGEST);
      StateHeader.need(in, Float.BYTES);
      float largest = in.getFloat();
      byte[] payload = sized(in);
      byte[] second = sized(in);
      if (sequence <= before
          || ChunkState.pendingBucket(sequence) != bucket
          || !FederatedKeys.isName(client)
          || base < 0
          || base > state.newestVersion()
          || !(largest >= 0 && largest <= Float.MAX_VALUE)
          || state.done.contains(sequence)) {
        throw new IllegalArgumentException(
            "update " + sequence + " comes after " + before + " in bucket " + bucket);
      }
      before = sequence;
      PendingUpdate.Source source = new PendingUpdate.Source(client, sequence, base, seed);
      PendingUpdate update = new PendingUpdate(source, codec, digest, payload, second, largest);
      state.pending.put(sequence, update);
      state.pendingBytes += update.bytes();
      if (StateHeader.getFlag(in)) {
        state.contested.put(sequence, bytes(in, DIGEST));
      }
    }
  }

  private static byte[] encodeMemories(ChunkState state, int section) {
    List<Map.Entry<String, ChunkState.ClientMemoryEntry>> held = new ArrayList<>();
    long bytes = Integer.BYTES;
    for (Map.Entry<String, ChunkState.ClientMemoryEntry> entry : state.memories.entrySet()) {
      if (ChunkState.memoryBucket(entry.getKey()) == section - MEMORIES) {
        held.add(entry);
        bytes += StateHeader.textBytes(entry.getKey()) + 2 * Long.BYTES;
        bytes += (long) Long.BYTES * state.length();
      }
    }
    ByteBuffer out = begin(section, bytes);
    out.putInt(held.size());
    for (Map.Entry<String, ChunkState.ClientMemoryEntry> entry : held) {
      StateHeader.putText(out, entry.getKey());
      out.putLong(entry.getValue().version).putLong(entry.getValue().sequence);
      putLongs(out, entry.getValue().memory.sums());
    }
    return out.array();
  }

  private static void decodeMemories(ByteBuffer in, ChunkState state, int bucket, int length) {
    int count = count(in, Short.BYTES + 2 * Long.BYTES + Long.BYTES * length);
    if (count > 0 && state.totalOrNull == null) {
      throw new IllegalArgumentException("chunk state has " + count + " memories without a sum");
    }
    String before = "";
    for (int i = 0; i < count; i++) {
      String client = StateHeader.getText(in);
      if (client.compareTo(before) <= 0
          || !FederatedKeys.isName(client)
          || ChunkState.memoryBucket(client) != bucket) {
        throw new IllegalArgumentException("memory of a client comes out of order");
      }
      before = client;
      StateHeader.need(in, 2 * Long.BYTES);
      long version = in.getLong();
      long sequence = in.getLong();
      if (version < 0 || sequence < 0) {
        throw new IllegalArgumentException(
            "memory of version " + version + " and task " + sequence);
      }
      FixedPointMemory memory =
          FixedPointMemory.restored(longs(in, length), state.totalOrNull.bits());
      state.memories.put(client, new ChunkState.ClientMemoryEntry(memory, version, sequence));
    }
  }

  private static void putDoubles(ByteBuffer out, double[] values) {
    out.asDoubleBuffer().put(values);
    out.position(out.position() + Double.BYTES * values.length);
  }

  private static void putLongs(ByteBuffer out, long[] values) {
    out.asLongBuffer().put(values);
    out.position(out.position() + Long.BYTES * values.length);
  }

  /** A count, after checking that so many of a least size can be there. */
  private static int count(ByteBuffer in, int leastBytes) {
    StateHeader.need(in, Integer.BYTES);
    int count = in.getInt();
    StateHeader.need(in, count < 0 ? Long.MAX_VALUE : (long) count * leastBytes);
    return count;
  }

  private static byte[] bytes(ByteBuffer in, int length) {
    StateHeader.need(in, length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private static byte[] sized(ByteBuffer in) {
    return bytes(in, count(in, 1));
  }

  private static double[] doubles(ByteBuffer in, int length) {
    StateHeader.need(in, (long) Double.BYTES * length);
    double[] values = new double[length];
    in.asDoubleBuffer().get(values);
    in.position(in.position() + Double.BYTES * length);
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException("chunk state has the number " + value);
      }
    }
    return values;
  }

  private static long[] longs(ByteBuffer in, int length) {
    StateHeader.need(in, (long) Long.BYTES * length);
    long[] values = new long[length];
    in.asLongBuffer().get(values);
    in.position(in.position() + Long.BYTES * length);
    return values;
  }
}
