package io.millrace.operator.federated;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * State bytes of mixing nodes, in 17 sections, so that a gradient writes one of {@value
 * MixingState#BUCKETS}.
 *
 * <pre>
 * section 0   text key | i32 P (0: no version 0 yet, and nothing follows) | 32 bytes schema hash
 *             i32 c | i32 m | i64 time, microseconds, or -1 | i64 version | i64 spikes | f64 wait
 *             i32 n | each text name, i64 taken or -1, 32 bytes digest where one was taken
 * section 1+  of the nodes that are the section's modulo 16, rising: m x c f64
 * </pre>
 *
 * <p>One thread.
 */
public final class MixingStateCodec implements StateCodec<MixingState> {
  private static final byte VERSION = 1;
  private static final int SECTIONS = 1 + MixingState.BUCKETS;
  private static final int DIGEST = UpdateIntake.DIGEST_BYTES;

  @Override
  public int sections() {
    return SECTIONS;
  }

  @Override
  public long revision(MixingState state, int section) {
    return section == 0 ? state.revision : state.revisions[section - 1];
  }

  @Override
  public byte[] encode(MixingState state, int section) {
    return section == 0 ? encodeFirst(state) : encodeValues(state, section);
  }

  private static byte[] encodeFirst(MixingState state) {
    long bytes = StateHeader.textBytes(state.key) + Integer.BYTES;
    if (state.isStarted()) {
      bytes += DIGEST + 3L * Integer.BYTES + 4L * Long.BYTES;
      for (int i = 0; i < state.nodes.size(); i++) {
        bytes += StateHeader.textBytes(state.nodes.get(i)) + Long.BYTES + state.digests[i].length;
      }
    }
    ByteBuffer out = begin(0, bytes);
    StateHeader.putText(out, state.key);
    out.putInt(state.chunkCount);
    if (state.isStarted()) {
      out.put(state.schemaHash).putInt(state.length).putInt(state.variables);
      out.putLong(state.timeMicros).putLong(state.version);
      out.putLong(state.spikes).putDouble(state.wait).putInt(state.nodes.size());
      for (int i = 0; i < state.nodes.size(); i++) {
        StateHeader.putText(out, state.nodes.get(i));
        out.putLong(state.taken[i]).put(state.digests[i]);
      }
    }
    return out.array();
  }

  private static byte[] encodeValues(MixingState state, int section) {
    int nodes = 0;
    for (int i = section - 1; i < state.nodes.size(); i += MixingState.BUCKETS) {
      nodes++;
    }
    ByteBuffer out = begin(section, (long) nodes * state.variables * state.length * Double.BYTES);
    for (int i = section - 1; i < state.nodes.size(); i += MixingState.BUCKETS) {
      out.asDoubleBuffer().put(state.values[i]);
      out.position(out.position() + state.values[i].length * Double.BYTES);
    }
    return out.array();
  }

  @Override
  public MixingState decode(byte[][] sections) {
    if (sections.length != SECTIONS) {
      throw new IllegalArgumentException(
          "mixing state has " + sections.length + " sections, expected " + SECTIONS);
    }
    ByteBuffer[] in = new ByteBuffer[SECTIONS];
    for (int section = 0; section < SECTIONS; section++) {
      in[section] =
          StateHeader.open(sections[section], StateHeader.FEDERATED_MIXING, VERSION, section);
    }
    MixingState state = new MixingState(StateHeader.getText(in[0]));
    StateHeader.need(in[0], Integer.BYTES);
    state.chunkCount = within("chunks", in[0].getInt(), 0, FederatedKeys.MOST_CHUNKS);
    if (state.isStarted()) {
      decodeFirst(in[0], state);
      state.values = new double[state.nodes.size()][];
      for (int node = 0; node < state.values.length; node++) {
        state.values[node] = values(in[1 + node % MixingState.BUCKETS], state);
      }
    }
    for (ByteBuffer section : in) {
      StateHeader.end(section);
    }
    return state;
  }

  private static void decodeFirst(ByteBuffer in, MixingState state) {
    StateHeader.need(in, DIGEST + 3L * Integer.BYTES + 4L * Long.BYTES);
    state.schemaHash = bytes(in);
    state.length = within("numbers", in.getInt(), 1, ChunkVersions.MOST_NUMBERS);
    state.variables = within("variables", in.getInt(), 1, MixingDynamics.MOST_VARIABLES);
    state.timeMicros = atLeast("time", in.getLong(), -1);
    state.version = atLeast("version", in.getLong(), 0);
    state.spikes = atLeast("spikes", in.getLong(), 0);
    state.wait = in.getDouble();
    if (!(state.wait >= 0 && state.wait <= Double.MAX_VALUE)) {
      throw new IllegalArgumentException("mixing state waits for " + state.wait);
    }
    int nodes = within("nodes", in.getInt(), 2, in.remaining() / (Short.BYTES + Long.BYTES));
    List<String> names = new ArrayList<>();
    state.taken = new long[nodes];
    state.digests = new byte[nodes][];
    for (int node = 0; node < nodes; node++) {
      names.add(StateHeader.getText(in));
      StateHeader.need(in, Long.BYTES);
      state.taken[node] = atLeast("version of a gradient", in.getLong(), -1);
      StateHeader.need(in, state.taken[node] < 0 ? 0 : DIGEST);
      state.digests[node] = state.taken[node] < 0 ? new byte[0] : bytes(in);
    }
    state.nodes = List.copyOf(names);
  }

  private static double[] values(ByteBuffer in, MixingState state) {
    int count = state.variables * state.length;
    StateHeader.need(in, (long) count * Double.BYTES);
    double[] values = new double[count];
    in.asDoubleBuffer().get(values);
    in.position(in.position() + count * Double.BYTES);
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException("mixing state holds " + value);
      }
    }
    return values;
  }

  private static byte[] bytes(ByteBuffer in) {
    byte[] bytes = new byte[DIGEST];
    in.get(bytes);
    return bytes;
  }

  private static int within(String what, int got, int low, int high) {
    if (got < low || got > high) {
      throw new IllegalArgumentException(
          "mixing state has " + got + " " + what + ", expected " + low + " to " + high);
    }
    return got;
  }

  private static long atLeast(String what, long got, long low) {
    if (got < low) {
      throw new IllegalArgumentException(
          "mixing state has " + what + " " + got + ", expected at least " + low);
    }
    return got;
  }

  @Override
  public long heapBytes(MixingState state) {
    return 4096 + (long) state.nodes.size() * (state.variables * 8L * state.length + 256);
  }

  private static ByteBuffer begin(int section, long bytes) {
    return StateHeader.begin(
        StateHeader.FEDERATED_MIXING, VERSION, section, Math.toIntExact(bytes));
  }
}
