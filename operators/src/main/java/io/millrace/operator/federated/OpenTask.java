package io.millrace.operator.federated;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A task that a client has, and what has come of its update. Receipts take 41 bytes a chunk from
 * the first on. One thread.
 */
final class OpenTask {
  static final int DIGEST_BYTES = 32;

  final String client;
  final long sequence;
  final long round;
  final long baseVersion;

  /** Newest version when it was given: beyond {@link #baseVersion} after a roll-back. */
  final long newestVersion;

  final long seed;
  final long expiresMicros;
  float largest;

  /** Of the payloads that have arrived. */
  long bytes;

  CommitStatement statementOrNull;
  private final int chunks;
  private int received;
  private boolean[] arrived = {};
  private byte[] digests = {};
  private double[] squaredNorms = {};

  OpenTask(TaskTerms terms, int chunks) {
    this.client = terms.client();
    this.sequence = terms.sequence();
    this.round = terms.round();
    this.baseVersion = terms.baseVersion();
    this.newestVersion = terms.newestVersion();
    this.seed = terms.seed();
    this.expiresMicros = terms.expiresMicros();
    this.chunks = chunks;
  }

  /** What never changes of a task. */
  record TaskTerms(
      String client,
      long sequence,
      long round,
      long baseVersion,
      long newestVersion,
      long seed,
      long expiresMicros) {}

  /** Whether anything of the update is known here. */
  boolean hasBegun() {
    return received > 0 || statementOrNull != null;
  }

  int received() {
    return received;
  }

  boolean isWhole() {
    return received == chunks && statementOrNull != null;
  }

  boolean hasArrived(int chunk) {
    return received > 0 && arrived[chunk];
  }

  byte[] digest(int chunk) {
    return Arrays.copyOfRange(digests, chunk * DIGEST_BYTES, (chunk + 1) * DIGEST_BYTES);
  }

  double squaredNorm(int chunk) {
    return squaredNorms[chunk];
  }

  /**
   * Takes a receipt that is not here yet.
   *
   * @param digest 32 bytes, copied
   */
  void arrive(
      int chunk, byte[] digest, double squaredNorm, float largestOfChunk, long bytesOfChunk) {
    if (received == 0) {
      arrived = new boolean[chunks];
      digests = new byte[Math.multiplyExact(chunks, DIGEST_BYTES)];
      squaredNorms = new double[chunks];
    }
    arrived[chunk] = true;
    System.arraycopy(digest, 0, digests, chunk * DIGEST_BYTES, DIGEST_BYTES);
    squaredNorms[chunk] = squaredNorm;
    largest = Math.max(largest, largestOfChunk);
    bytes += bytesOfChunk;
    received++;
  }

  /** Root over the digests of a whole update's chunks. */
  byte[] root() {
    List<byte[]> leaves = new ArrayList<>(chunks);
    for (int chunk = 0; chunk < chunks; chunk++) {
      leaves.add(digest(chunk));
    }
    return MerkleTree.root(leaves);
  }

  /** Squared length of a whole update, summed in the order of chunks. */
  double squaredNorm() {
    double sum = 0;
    for (double squaredNorm : squaredNorms) {
      sum += squaredNorm;
    }
    return sum;
  }

  /**
   * Chunks to send again: those that have not arrived; empty when none is known to have. When only
   * the commit is missing, the last chunk, since an empty list would mean all of them.
   */
  List<Integer> missing() {
    List<Integer> missing = new ArrayList<>();
    for (int chunk = 0; received > 0 && chunk < chunks; chunk++) {
      if (!arrived[chunk]) {
        missing.add(chunk);
      }
    }
    if (received == chunks) {
      missing.add(chunks - 1);
    }
    return missing;
  }

  /** What has come, for messages. */
  String progress() {
    return received
        + " of "
        + chunks
        + " chunks and "
        + (statementOrNull == null ? "no" : "a")
        + " commit";
  }
}
