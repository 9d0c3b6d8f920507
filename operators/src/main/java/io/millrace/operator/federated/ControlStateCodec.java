package io.millrace.operator.federated;

import static io.millrace.operator.federated.ControlBytes.count;
import static io.millrace.operator.federated.ControlBytes.digest;
import static io.millrace.operator.federated.ControlBytes.finite;
import static io.millrace.operator.federated.ControlBytes.name;
import static io.millrace.operator.federated.ControlBytes.number;
import static io.millrace.operator.federated.ControlBytes.positive;
import static io.millrace.operator.federated.ControlBytes.rising;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import io.millrace.operator.federated.OpenTask.TaskTerms;
import java.nio.ByteBuffer;

/**
 * Bytes of a {@link ControlState} in seven sections, each behind a {@link StateHeader} of family
 * {@link StateHeader#FEDERATED_ROUNDS}, little endian. A text is 2 bytes of length and UTF-8, a
 * list 4 bytes of count, keys rise; n is a name, a text.
 *
 * <pre>
 * section 0    n      model
 *              4      chunks P; if above 0: 4 chunk length, 8 length, 32 schema hash
 *              8 x 4  time, round, opened, deadline, microseconds
 *              1      whether the round has tasks
 *              8 x 4  version, pointer, roll-back, next sequence
 *              8 x 2  clip, worst precision
 *              20     8 arrivals, 4 clients among them, 8 sum of their weights
 *              8      older ticks
 * section 1    tasks: n; 8 x 6 sequence, round, base, newest version, seed, expiry; 4 largest value;
 *              8 bytes; 1 receipts: P x (1; if set 32 digest, 8 squared norm); 1 commit: statement
 *   statement  32 digest, 32 root, 8 squared norm, 4 examples, list of 4 codec errors, measures
 *   measures   list of text and 8
 * section 2    clients: n; 1 key: 32; 8 participations; 8 precision; 8 arrival weight; 8 arrival index
 * section 3    waiting: n. Whole updates: n; 8 x 3 sequence, base, newest version; 8 correction;
 *              8 squared norm; 4 largest; 8 bytes; statement. Rejections: n, 8, text, text. Dropped: 8
 * section 4    lineages: 8, 32. Digests of version 0: 4, 32. 1 open version: {@link OpenVersionBytes}
 * section 5    8 plan, 8 planned, list of 8 error sums, 8 count
 * section 6    1 masked round: {@link SecureRoundBytes}
 * </pre>
 */
public final class ControlStateCodec implements StateCodec<ControlState> {
  static final byte VERSION = 1;
  private static final int DIGEST_BYTES = OpenTask.DIGEST_BYTES;
  private static final int LEAST_TASK = Short.BYTES + 7 * Long.BYTES + Float.BYTES + 2;
  private static final int LEAST_UPDATE = Short.BYTES + 6 * Long.BYTES + Float.BYTES;

  @Override
  public int sections() {
    return ControlState.SECTIONS;
  }

  @Override
  public long revision(ControlState state, int section) {
    return state.revisions[section];
  }

  @Override
  public byte[] encode(ControlState state, int section) {
    ControlBytes out = new ControlBytes();
    switch (section) {
      case ControlState.HEAD -> encodeHead(state, out);
      case ControlState.TASKS -> {
        out.number(state.tasks.size());
        state.tasks.values().forEach(task -> encodeTask(task, state.chunks, out));
      }
      case ControlState.CLIENTS -> encodeClients(state, out);
      case ControlState.BUFFER -> encodeBuffer(state, out);
      case ControlState.VERSIONS -> encodeVersions(state, out);
      case ControlState.SECURE -> {
        out.flag(state.secureOrNull != null);
        if (state.secureOrNull != null) {
          out.plain(SecureRoundBytes.encode(state.secureOrNull));
        }
      }
      default -> {
        out.number(state.plan).number(state.planned).number(state.errorSums.length);
        for (double sum : state.errorSums) {
          out.number(sum);
        }
        out.number(state.errorCount);
      }
    }
    return out.section(StateHeader.FEDERATED_ROUNDS, VERSION, section);
  }

  @Override
  public ControlState decode(byte[][] sections) {
    if (sections.length != ControlState.SECTIONS) {
      throw new IllegalArgumentException(
          "round state has " + sections.length + " sections, expected " + ControlState.SECTIONS);
    }
    ByteBuffer[] in = new ByteBuffer[sections.length];
    for (int section = 0; section < in.length; section++) {
      in[section] =
          StateHeader.open(sections[section], StateHeader.FEDERATED_ROUNDS, VERSION, section);
    }
    ControlState state = decodeHead(in[ControlState.HEAD]);
    decodeTasks(state, in[ControlState.TASKS]);
    decodeClients(state, in[ControlState.CLIENTS]);
    decodeBuffer(state, in[ControlState.BUFFER]);
    decodeVersions(state, in[ControlState.VERSIONS]);
    decodePlan(state, in[ControlState.PLAN]);
    if (StateHeader.getFlag(in[ControlState.SECURE])) {
      state.secureOrNull = SecureRoundBytes.decode(in[ControlState.SECURE]);
    }
    for (ByteBuffer section : in) {
      StateHeader.end(section);
    }
    return state;
  }

  @Override
  public long heapBytes(ControlState state) {
    long task = 256 + (DIGEST_BYTES + Double.BYTES + 1L) * state.chunks;
    long bytes = 1024 + task * state.tasks.size() + 256L * state.clients.size();
    bytes += 512L * (state.whole.size() + state.rejected.size()) + 64L * state.dropped.size();
    bytes += (long) Double.BYTES * state.errorSums.length;
    if (state.secureOrNull != null) {
      bytes += 2L * SecureRoundBytes.bytes(state.secureOrNull);
    }
    if (state.openOrNull != null) {
      OpenVersion open = state.openOrNull;
      bytes += 256L * open.parts.size() + 96L * open.done.size();
      bytes += (long) Double.BYTES * open.triangle() * (1 + open.earlyGrams.size());
    }
    return bytes;
  }

  private static void encodeHead(ControlState state, ControlBytes out) {
    out.text(state.key).number(state.chunks);
    if (state.chunks > 0) {
      out.number(state.chunkLength).number(state.length).plain(state.schemaHash);
    }
    out.number(state.timeMicros).number(state.round);
    out.number(state.openedMicros).number(state.deadlineMicros);
    out.flag(state.offered);
    out.number(state.version).number(state.pointer);
    out.number(state.rollback).number(state.nextSequence);
    out.number(state.clip).number(state.worstPrecision);
    out.number(state.arrivals).number(state.arrivalClients).number(state.arrivalTotal);
    out.number(state.olderTicks);
  }

  private static ControlState decodeHead(ByteBuffer in) {
    ControlState state = new ControlState(StateHeader.getText(in));
    state.chunks = count(in, 0);
    if (state.chunks > 0) {
      StateHeader.need(in, Integer.BYTES);
      state.chunkLength = in.getInt();
      state.length = number(in, 1);
      state.schemaHash = digest(in);
      if (state.chunkLength < 1
          || (state.length - 1) / state.chunkLength + 1 != state.chunks
          || state.chunks > FederatedKeys.MOST_CHUNKS) {
        throw new IllegalArgumentException(
            "round state has " + state.chunks + " chunks of " + state.length + " numbers");
      }
    }
    state.timeMicros = number(in, -1);
    state.round = number(in, 0);
    state.openedMicros = number(in, -1);
    state.deadlineMicros = number(in, -1);
    state.offered = StateHeader.getFlag(in);
    state.version = number(in, -1);
    state.pointer = number(in, -1);
    state.rollback = number(in, -1);
    state.nextSequence = number(in, 0);
    state.clip = positive(in);
    state.worstPrecision = positive(in);
    state.arrivals = number(in, 0);
    state.arrivalClients = count(in, 0);
    state.arrivalTotal = positive(in);
    state.olderTicks = number(in, 0);
    return state;
  }

  private static void encodeTask(OpenTask task, int chunks, ControlBytes out) {
    out.text(task.client).number(task.sequence).number(task.round).number(task.baseVersion);
    out.number(task.newestVersion).number(task.seed).number(task.expiresMicros);
    out.number(task.largest).number(task.bytes).flag(task.received() > 0);
    for (int chunk = 0; task.received() > 0 && chunk < chunks; chunk++) {
      out.flag(task.hasArrived(chunk));
      if (task.hasArrived(chunk)) {
        out.plain(task.digest(chunk)).number(task.squaredNorm(chunk));
      }
    }
    out.flag(task.statementOrNull != null);
    if (task.statementOrNull != null) {
      out.statement(task.statementOrNull);
    }
  }

  private static void decodeTasks(ControlState state, ByteBuffer in) {
    int count = count(in, LEAST_TASK);
    for (int i = 0; i < count; i++) {
      String client = name(in);
      StateHeader.need(in, 6 * Long.BYTES);
      TaskTerms terms =
          new TaskTerms(
              client,
              number(in, 0),
              number(in, 0),
              number(in, 0),
              number(in, 0),
              number(in),
              number(in, 0));
      OpenTask task = new OpenTask(terms, state.chunks);
      rising(state.tasks.isEmpty() || state.tasks.lastKey() < task.sequence);
      rising(task.sequence < state.nextSequence && !state.taskOf.containsKey(client));
      float largest = ControlBytes.largest(in);
      long bytes = number(in, 0);
      if (StateHeader.getFlag(in)) {
        StateHeader.need(in, state.chunks);
        for (int chunk = 0; chunk < state.chunks; chunk++) {
          if (StateHeader.getFlag(in)) {
            task.arrive(chunk, digest(in), positive(in), 0, 0);
          }
        }
        rising(task.received() > 0);
      }
      task.largest = largest;
      task.bytes = bytes;
      if (StateHeader.getFlag(in)) {
        task.statementOrNull = ControlBytes.readStatement(in);
      }
      state.tasks.put(task.sequence, task);
      state.taskOf.put(client, task.sequence);
    }
  }

  private static void encodeClients(ControlState state, ControlBytes out) {
    out.number(state.clients.size());
    state.clients.forEach(
        (client, entry) -> {
          out.text(client).flag(entry.publicKey.length > 0).plain(entry.publicKey);
          out.number(entry.participations).number(entry.precision);
          out.number(entry.arrivalWeight).number(entry.arrivalIndex);
        });
  }

  private static void decodeClients(ControlState state, ByteBuffer in) {
    int count = count(in, Short.BYTES + 1 + 4 * Long.BYTES);
    for (int i = 0; i < count; i++) {
      String client = name(in);
      rising(state.clients.isEmpty() || state.clients.lastKey().compareTo(client) < 0);
      ClientEntry entry = new ClientEntry();
      if (StateHeader.getFlag(in)) {
        entry.publicKey = digest(in);
      }
      entry.participations = number(in, 0);
      entry.precision = positive(in);
      entry.arrivalWeight = positive(in);
      entry.arrivalIndex = number(in, 0);
      state.clients.put(client, entry);
    }
  }

  private static void encodeBuffer(ControlState state, ControlBytes out) {
    out.number(state.waiting.size());
    state.waiting.forEach(out::text);
    out.number(state.whole.size());
    for (WholeUpdate update : state.whole) {
      out.text(update.client()).number(update.sequence());
      out.number(update.baseVersion()).number(update.newestVersion());
      out.number(update.correction()).number(update.squaredNorm()).number(update.largest());
      out.number(update.bytes());
      out.statement(update.statement());
    }
    out.rejections(state.rejected);
    out.number(state.dropped.size());
    state.dropped.forEach(sequence -> out.number((long) sequence));
  }

  private static void decodeBuffer(ControlState state, ByteBuffer in) {
    int waiting = count(in, Short.BYTES);
    for (int i = 0; i < waiting; i++) {
      String client = name(in);
      rising(state.waiting.isEmpty() || state.waiting.last().compareTo(client) < 0);
      state.waiting.add(client);
    }
    int whole = count(in, LEAST_UPDATE);
    for (int i = 0; i < whole; i++) {
      state.whole.add(
          new WholeUpdate(
              name(in),
              number(in, 0),
              number(in, 0),
              number(in, 0),
              positive(in),
              positive(in),
              ControlBytes.largest(in),
              number(in, 0),
              ControlBytes.readStatement(in)));
    }
    state.rejected.addAll(ControlBytes.readRejections(in));
    int dropped = count(in, Long.BYTES);
    for (int i = 0; i < dropped; i++) {
      long sequence = number(in, 0);
      rising(state.dropped.isEmpty() || state.dropped.last() < sequence);
      state.dropped.add(sequence);
    }
  }

  private static void encodeVersions(ControlState state, ControlBytes out) {
    out.number(state.lineages.size());
    state.lineages.forEach((version, lineage) -> out.number((long) version).plain(lineage));
    out.digests(state.firstDigests);
    out.flag(state.openOrNull != null);
    if (state.openOrNull != null) {
      OpenVersionBytes.put(state.openOrNull, out);
    }
  }

  private static void decodeVersions(ControlState state, ByteBuffer in) {
    int lineages = count(in, Long.BYTES + DIGEST_BYTES);
    for (int i = 0; i < lineages; i++) {
      long version = number(in, 0);
      rising(state.lineages.isEmpty() || state.lineages.lastKey() < version);
      state.lineages.put(version, digest(in));
    }
    int chunks = state.chunks == 0 ? FederatedKeys.MOST_CHUNKS : state.chunks;
    ControlBytes.readDigests(in, chunks, state.firstDigests);
    if (StateHeader.getFlag(in)) {
      state.openOrNull = OpenVersionBytes.get(in, state.chunks);
    }
  }

  private static void decodePlan(ControlState state, ByteBuffer in) {
    state.plan = number(in, -1);
    state.planned = number(in, -1);
    state.errorSums = new double[count(in, Double.BYTES)];
    for (int i = 0; i < state.errorSums.length; i++) {
      state.errorSums[i] = finite(in);
    }
    state.errorCount = number(in, 0);
  }
}
