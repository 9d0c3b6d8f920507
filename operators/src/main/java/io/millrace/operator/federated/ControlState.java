package io.millrace.operator.federated;

import io.millrace.schema.Rejection;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What {@link RoundControl} keeps of a model: its shape and versions, the open round, tasks and
 * what has come of them, clients with their keys and privacy losses, the version that is being
 * made, and errors of codecs for the next plan.
 *
 * <p>Memory: 41 bytes a chunk of every open task, some 200 a client, 8 n^2 while a rule decides on
 * n updates. One thread.
 */
public final class ControlState {
  static final int HEAD = 0;
  static final int TASKS = 1;
  static final int CLIENTS = 2;
  static final int BUFFER = 3;
  static final int VERSIONS = 4;
  static final int PLAN = 5;
  static final int SECURE = 6;
  static final int SECTIONS = 7;

  /** Most rejections that a version tells of, and that wait for one. */
  static final int MOST_REJECTIONS = 1024;

  final String key;
  final long[] revisions = new long[SECTIONS];

  /** Chunks of the model, P; 0: it is not known yet. */
  int chunks;

  int chunkLength;
  long length;

  /** 32 bytes once the model is known. */
  byte[] schemaHash = {};

  /** Event time of the newest tick, microseconds; -1: none came. */
  long timeMicros = -1;

  /** Ticks that were not newer than the newest. */
  long olderTicks;

  long round;
  long openedMicros = -1;
  long deadlineMicros = -1;

  /** Whether a task of this round was given. */
  boolean offered;

  /** Newest version; -1: version 0 is not whole. */
  long version = -1;

  /** Version that new tasks start from. */
  long pointer = -1;

  /** Version to roll back to once the open one is whole; -1: none. */
  long rollback = -1;

  long nextSequence;

  /** Length that updates are clipped to; 0: not at all. */
  double clip;

  /** Largest {@link ClientEntry#precision}. */
  double worstPrecision;

  /** Arrivals counted, clients among them, and the sum of their decayed weights. */
  long arrivals;

  int arrivalClients;
  double arrivalTotal;

  /** By sequence. */
  final TreeMap<Long, OpenTask> tasks = new TreeMap<>();

  /** Sequence of a client's open task. */
  final TreeMap<String, Long> taskOf = new TreeMap<>();

  final TreeMap<String, ClientEntry> clients = new TreeMap<>();

  /** Clients that asked when no task could be given. */
  final TreeSet<String> waiting = new TreeSet<>();

  /** In the order in which they became whole. */
  final List<WholeUpdate> whole = new ArrayList<>();

  /** Since the last freeze, the newest {@link #MOST_REJECTIONS}. */
  final List<Rejection> rejected = new ArrayList<>();

  /** Sequences of which chunks may be held that no version will use. */
  final TreeSet<Long> dropped = new TreeSet<>();

  /** Digests of version 0's chunks while it is not whole. */
  final TreeMap<Integer, byte[]> firstDigests = new TreeMap<>();

  /** Of the versions that chunks still keep. */
  final TreeMap<Long, byte[]> lineages = new TreeMap<>();

  OpenVersion openOrNull;

  /** The masked round that is open, from the first keys on. */
  SecureRound secureOrNull;

  /** Version of the newest codec plan; -1: none. */
  long plan = -1;

  /** Version of the model after which the plan was made. */
  long planned = -1;

  /** [chunks x levels] sums of squared errors since then, or empty. */
  double[] errorSums = {};

  long errorCount;

  ControlState(String key) {
    this.key = key;
  }

  /** Marks sections as changed. */
  void touch(int... sections) {
    for (int section : sections) {
      revisions[section]++;
    }
  }

  /** Event time of the newest tick, 0 before the first. */
  long now() {
    return Math.max(0, timeMicros);
  }

  void add(OpenTask task) {
    tasks.put(task.sequence, task);
    taskOf.put(task.client, task.sequence);
    touch(TASKS);
  }

  void remove(OpenTask task) {
    tasks.remove(task.sequence);
    taskOf.remove(task.client);
    touch(TASKS);
  }

  /** The entry of a client, a new one if it has none. */
  ClientEntry client(String name) {
    touch(CLIENTS);
    return clients.computeIfAbsent(name, unknown -> new ClientEntry());
  }

  /** Versions made since then. */
  long staleness(long newestVersion) {
    return version - newestVersion;
  }

  /** Whether an update of a client waits for a version. */
  boolean hasWhole(String client) {
    for (WholeUpdate update : whole) {
      if (update.client().equals(client)) {
        return true;
      }
    }
    return false;
  }

  /** The newest version; -1: none is whole. */
  public long newestVersion() {
    return version;
  }

  /** Number of the round that takes updates. */
  public long currentRound() {
    return round;
  }
}
