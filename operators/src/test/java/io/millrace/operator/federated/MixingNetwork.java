package io.millrace.operator.federated;

import io.millrace.operator.Models;
import io.millrace.operator.federated.MixingSettings.Admission;
import io.millrace.operator.federated.MixingSettings.Clock;
import io.millrace.operator.federated.MixingSettings.Exchange;
import io.millrace.operator.federated.MixingSettings.Step;
import io.millrace.schema.RoundTick;
import io.millrace.schema.UpdateTask;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Nodes that mix, with every chunk of their model in an operator's state of its own. */
final class MixingNetwork {
  static final long FIRST_MICROS = 1_000_000;
  private static final long UNIT_MICROS = 1_000_000;

  private final ChunkRecords records = new ChunkRecords();
  private final EdgeMixing operator;
  private final MixingSettings settings;
  private final int chunkLength;
  final List<MixingState> states = new ArrayList<>();
  final List<FederatedOutput> outputs = new ArrayList<>();
  private long micros = FIRST_MICROS;

  /**
   * @param first parameters of all nodes
   */
  MixingNetwork(MixingSettings settings, double[] first, int chunkLength) {
    this.settings = settings;
    this.chunkLength = chunkLength;
    this.operator = new EdgeMixing(settings, records.authority);
    int chunks = (first.length - 1) / chunkLength + 1;
    for (int chunk = 0; chunk < chunks; chunk++) {
      int from = chunk * chunkLength;
      int length = Math.min(chunkLength, first.length - from);
      double[] part = new double[length];
      System.arraycopy(first, from, part, 0, length);
      states.add(operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, chunk)));
      take(chunk, records.start(chunk, chunks, part));
      take(chunk, tick(records, chunk, micros));
    }
  }

  static MixingSettings settings(MixingMethod method, String shape, int nodes) {
    return settings(method, shape, nodes, 0, new Step(0.1, 1, 10));
  }

  static MixingSettings settings(
      MixingMethod method, String shape, int nodes, double spikes, Step step) {
    return new MixingSettings(
        method,
        MixingGraph.of(shape, names(nodes)),
        new Clock(UNIT_MICROS / 1000, 10, spikes, 7),
        step,
        new Admission(1e6, 0, List.of("plain")),
        new Exchange(Double.BYTES, 2, 36));
  }

  static List<String> names(int nodes) {
    return IntStream.range(0, nodes).mapToObj(node -> "node-" + node).toList();
  }

  static FederatedInput tick(ChunkRecords records, int chunk, long micros) {
    return records.authorised(chunk, RoundTick.class, new RoundTick(ChunkRecords.MODEL, micros));
  }

  static UpdateTask task(ChunkRecords records, int node, int nodes, long version) {
    return records.task(names(nodes).get(node), version * nodes + node, version, 3);
  }

  /** So much later. */
  void pass(double units) {
    micros += Math.round(units * UNIT_MICROS);
    for (int chunk = 0; chunk < states.size(); chunk++) {
      take(chunk, tick(records, chunk, micros));
    }
  }

  /** A node's gradient at its newest version. */
  void descend(int node, double[] gradient) {
    for (int chunk = 0; chunk < states.size(); chunk++) {
      take(chunk, gradient(chunk, node, gradient));
    }
  }

  FederatedInput gradient(int chunk, int node, double[] gradient) {
    MixingState state = states.get(chunk);
    float[] descent = new float[state.length];
    for (int i = 0; i < descent.length; i++) {
      descent[i] = (float) -gradient[chunk * chunkLength + i];
    }
    return new FederatedInput.Update(
        ChunkRecords.chunk(
            task(records, node, settings.graph().nodes().size(), state.version),
            chunk,
            states.size(),
            "plain",
            new PlainCodec().encode(descent, 0),
            new byte[0]));
  }

  void take(int chunk, FederatedInput input) {
    operator.accept(states.get(chunk), input, 0, Models.NONE, outputs::add);
  }

  /** A node's parameters. */
  double[] values(int node) {
    return variable(node, 0);
  }

  double[] variable(int node, int variable) {
    double[] whole = new double[states.stream().mapToInt(state -> state.length).sum()];
    int from = 0;
    for (MixingState state : states) {
      System.arraycopy(state.values[node], variable * state.length, whole, from, state.length);
      from += state.length;
    }
    return whole;
  }

  int nodes() {
    return settings.graph().nodes().size();
  }

  long spikes() {
    return states.get(0).spikes;
  }

  /** The largest distance of a node from a point. */
  double distance(double[] point) {
    double largest = 0;
    for (int node = 0; node < nodes(); node++) {
      double[] x = values(node);
      double square = 0;
      for (int i = 0; i < x.length; i++) {
        square += (x[i] - point[i]) * (x[i] - point[i]);
      }
      largest = Math.max(largest, Math.sqrt(square));
    }
    return largest;
  }
}
