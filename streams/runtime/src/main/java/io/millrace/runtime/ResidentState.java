package io.millrace.runtime;

import java.util.OptionalLong;

/** One key's state on the heap, with what of it lies in the store. One thread. */
final class ResidentState<S> {
  final String key;
  S state;

  /** Differs from the store: in the keeper's list of what the next flush writes. */
  boolean dirty;

  /** Every section must be encoded: the state is new, or its chunks were cut by another size. */
  boolean rewrite = true;

  /** As of the last flush. */
  long heapBytes;

  /** The keeper's index entry: a lower bound of the state's deadline. */
  OptionalLong indexed = OptionalLong.empty();

  // what the store holds
  OptionalLong storedDeadline = OptionalLong.empty();
  final long[] revisions;
  final int[] sectionBytes;
  final long[][] chunkHashes;

  ResidentState(String key, S state, int sections) {
    this.key = key;
    this.state = state;
    this.revisions = new long[sections];
    this.sectionBytes = new int[sections];
    this.chunkHashes = new long[sections][0];
  }
}
