package io.millrace.operator.federated;

import io.millrace.schema.RoundFreeze;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.TreeMap;

/**
 * State of one chunk of a model: its newest versions, what the server remembers, and the updates
 * that wait.
 *
 * <p>Bytes, of a chunk of c numbers, v kept versions, n clients and p pending payloads of b bytes:
 *
 * <pre>
 * versions    8 v c
 * optimiser   8 c (momentum, Lion), 16 c (Adagrad, Yogi, Adam), 24 c (diffGrad), MKOR
 *             8 (i^2 + o^2) for each layer of i inputs and o outputs, else 0
 * aggregate   4 c where the rule asks for the previous one
 * memories    8 (n + 1) c in methods that remember
 * pending     p (b + 150)
 * </pre>
 *
 * <p>One thread.
 */
public final class ChunkState {
  static final int VERSION_BUCKETS = 8;
  static final int PENDING_BUCKETS = 16;
  static final int MEMORY_BUCKETS = 16;

  /** What is held of a client. */
  static final class ClientMemoryEntry {
    final FixedPointMemory memory;

    /** First version with it. */
    long version;

    /** Task of the last update in it. */
    long sequence;

    ClientMemoryEntry(FixedPointMemory memory, long version, long sequence) {
      this.memory = memory;
      this.version = version;
      this.sequence = sequence;
    }
  }

  final String key;

  /** P; 0 until version 0 has come. */
  int chunkCount;

  byte[] schemaHash = new byte[0];

  /** Numbers of each kept version, as double; the last is the newest. */
  final TreeMap<Long, double[]> versions = new TreeMap<>();

  /** Of which optimiser {@link #optimiserMemory} is; empty: none has stepped. */
  String optimiserId = "";

  double[][] optimiserMemory = new double[0][];

  /** Runs on {@link #optimiserMemory}; null until the first step after a restart. */
  ServerOptimiser optimiserOrNull;

  /** The previous aggregate, where the rule asks for it; else empty. */
  float[] aggregate = new float[0];

  /** Sum of all clients' memories; null in methods without. */
  FixedPointMemory totalOrNull;

  final TreeMap<String, ClientMemoryEntry> memories = new TreeMap<>();

  /** By number of their task. */
  final TreeMap<Long, PendingUpdate> pending = new TreeMap<>();

  /** Digests of other chunks that came under a task that is pending. */
  final TreeMap<Long, byte[]> contested = new TreeMap<>();

  long pendingBytes;

  /** Tasks whose updates are in a version or will never be. */
  final SequenceSet done = new SequenceSet();

  /** Versions to be made, in order. */
  final Deque<RoundFreeze> freezes = new ArrayDeque<>();

  /** Whether the first of them has sent its Gram matrix and waits for the decision. */
  boolean deciding;

  /** Counts changes of what the first section holds. */
  long revision;

  long optimiserRevision;
  final long[] versionRevisions = new long[VERSION_BUCKETS];
  final long[] pendingRevisions = new long[PENDING_BUCKETS];
  final long[] memoryRevisions = new long[MEMORY_BUCKETS];

  ChunkState(String key) {
    this.key = key;
  }

  boolean isStarted() {
    return chunkCount > 0;
  }

  /** c, numbers of the chunk. */
  int length() {
    return versions.isEmpty() ? 0 : versions.lastEntry().getValue().length;
  }

  long newestVersion() {
    return versions.isEmpty() ? -1 : versions.lastKey();
  }

  /** The version that the next freeze must make. */
  long nextVersion() {
    return freezes.isEmpty() ? newestVersion() + 1 : freezes.peekLast().getVersion() + 1;
  }

  static int versionBucket(long version) {
    return (int) (version % VERSION_BUCKETS);
  }

  static int pendingBucket(long sequence) {
    return (int) (sequence % PENDING_BUCKETS);
  }

  static int memoryBucket(String client) {
    return Math.floorMod(client.hashCode(), MEMORY_BUCKETS);
  }

  void putVersion(long version, double[] values) {
    versions.put(version, values);
    versionRevisions[versionBucket(version)]++;
  }

  void removeVersion(long version) {
    versions.remove(version);
    versionRevisions[versionBucket(version)]++;
  }

  void putPending(PendingUpdate update) {
    long sequence = update.source().sequence();
    pending.put(sequence, update);
    pendingBytes += update.bytes();
    pendingRevisions[pendingBucket(sequence)]++;
  }

  void contest(long sequence, byte[] digest) {
    contested.put(sequence, digest);
    pendingRevisions[pendingBucket(sequence)]++;
  }

  /** Says that nothing more will come of a task. */
  void finish(long sequence) {
    PendingUpdate update = pending.remove(sequence);
    if (update != null) {
      pendingBytes -= update.bytes();
      contested.remove(sequence);
      pendingRevisions[pendingBucket(sequence)]++;
    }
    done.add(sequence);
    revision++;
  }

  /**
   * Begins steps anew: no optimiser has stepped, there is no previous aggregate. Where the layers
   * lie stays known.
   */
  void forgetSteps() {
    boolean layered = optimiserId.equals(OptimiserName.MKOR.id());
    optimiserMemory = layered ? new double[][] {ServerKronecker.layout(this)} : new double[0][];
    optimiserId = layered ? optimiserId : "";
    optimiserOrNull = null;
    aggregate = new float[0];
    optimiserRevision++;
  }

  /** The memory of a client, started at nothing, to be modified. */
  ClientMemoryEntry memory(String client) {
    memoryRevisions[memoryBucket(client)]++;
    return memories.computeIfAbsent(
        client,
        name -> new ClientMemoryEntry(new FixedPointMemory(length(), totalOrNull.bits()), 0, -1));
  }

  /** Whether all clients' memories sum to the server's, integer for integer. */
  boolean audit() {
    return totalOrNull == null
        ? memories.isEmpty()
        : totalOrNull.sameBits(
            FixedPointMemory.sum(
                totalOrNull, memories.values().stream().map(entry -> entry.memory).toList()));
  }
}
