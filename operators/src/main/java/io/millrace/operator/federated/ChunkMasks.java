package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A client's masks of one round, chunk by chunk: its own, and with each neighbour one that the
 * lower place adds and the higher subtracts. No chunk is masked twice with different numbers, or
 * the difference of both would be laid open.
 *
 * <p>A number costs one word of ChaCha20 a mask; of a chunk 32 bytes are kept. One thread.
 */
final class ChunkMasks {
  private static final int LARGEST_CHUNK = 1 << 26;
  private static final int MOST_CHUNKS = 1 << 20;

  private final MaskingCohort cohort;
  private final int own;
  private final byte[] ownSeed;
  private final SortedMap<Integer, byte[]> pairSeeds;
  private final MaskStream stream = new MaskStream();
  private final Map<Integer, byte[]> masked = new HashMap<>();
  private boolean made;

  /**
   * @param own place in the cohort
   * @param ownSeed [32], not modified
   * @param pairSeeds by the other's place, [32] each, not modified
   */
  ChunkMasks(MaskingCohort cohort, int own, byte[] ownSeed, SortedMap<Integer, byte[]> pairSeeds) {
    this.cohort = cohort;
    this.own = own;
    this.ownSeed = ownSeed;
    this.pairSeeds = new TreeMap<>(pairSeeds);
  }

  /** See {@link MaskingClient#mask}. */
  byte[] mask(int chunk, float[] values, int weight) {
    SettingCheck.range("chunk", chunk, 0, MOST_CHUNKS);
    SettingCheck.range("length of a chunk", values.length, 0, LARGEST_CHUNK);
    SettingCheck.range("weight", weight, 1, cohort.largestWeight());
    if (made && !masked.containsKey(chunk)) {
      throw new IllegalStateException("the update was made without chunk " + chunk);
    }
    int[] terms = cohort.scale().terms(values, weight);
    byte[] digest = CanonicalBytes.sha256(MaskedSum.payload(terms));
    byte[] before = masked.putIfAbsent(chunk, digest);
    if (before != null && !MessageDigest.isEqual(before, digest)) {
      throw new IllegalArgumentException("chunk " + chunk + " was masked with other values before");
    }
    stream.add(ownSeed, chunk, terms);
    pairSeeds.forEach(
        (other, seed) -> {
          if (own < other) {
            stream.add(seed, chunk, terms);
          } else {
            stream.subtract(seed, chunk, terms);
          }
        });
    return MaskedSum.payload(terms);
  }

  /** Says that the update is made: no other chunk will be masked. */
  void made() {
    made = true;
  }

  /** Whether anything can have been sent. */
  boolean isUsed() {
    return made || !masked.isEmpty();
  }
}
