package io.millrace.operator.federated;

import java.util.List;

/**
 * State of one chunk of the models of all nodes: 8 m n c bytes, for c numbers, n nodes and a method
 * of m variables, 1 to 6. One thread.
 */
public final class MixingState {
  static final int BUCKETS = 16;

  final String key;

  /** P; 0 until version 0 has come. */
  int chunkCount;

  byte[] schemaHash = new byte[0];

  /** c, numbers of the chunk. */
  int length;

  /** m. */
  int variables;

  /** Names, in the order of the settings. */
  List<String> nodes = List.of();

  /** For each node its m variables, each of c numbers. */
  double[][] values = new double[0][];

  /** For each node the version that its newest gradient was taken at; -1: none came. */
  long[] taken = new long[0];

  /** Digest of that gradient. */
  byte[][] digests = new byte[0][];

  /** Of the newest tick; -1: none came. */
  long timeMicros = -1;

  /** Ticks that moved time. */
  long version;

  /** Fired so far. */
  long spikes;

  /** Units of time until the next. */
  double wait;

  long revision;
  final long[] revisions = new long[BUCKETS];

  MixingState(String key) {
    this.key = key;
  }

  boolean isStarted() {
    return chunkCount > 0;
  }

  void changed(int node) {
    revision++;
    revisions[node % BUCKETS]++;
  }
}
