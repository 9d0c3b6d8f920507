package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UnreadableRecordException;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Nodes that train one model without a server: each has parameters of its own, moves them by its
 * gradients, and mixes them with a neighbour's when the edge between them spikes. Keyed
 * MODEL/CHUNK: a chunk of all nodes lies in one place, so that an edge is one step on one state and
 * no half of it can be lost. {@link MixingDynamics} says what the methods do.
 *
 * <pre>
 * version 0    -> each node's version 0
 * UpdateChunk  -> nothing: the node moves, at the time of the newest tick
 * RoundTick    -> each node's next version: the spikes until then have mixed; nothing, if a
 *                 newer one came
 * a version    -> ModelChunk of model MODEL:NODE, removal of one that is no longer kept;
 *                 at chunk 0 each node's TaskOffer, the right to send one gradient at it
 * </pre>
 *
 * <p>An UpdateChunk carries the negative of the gradient at the node's parameters of the task's
 * version, or in plain and momentum any step of local training. Each counts at most once; between
 * two ticks they may come in any order, for each moves its own node alone. Spikes are Poisson in
 * the time of the ticks and drawn by counter: nothing but the log and the settings bears on a
 * version, and all chunks mix along the same edges. Where a gradient's chunks fall on both sides of
 * a tick, that of the late ones is refused unless {@code staleness} lets it pass: each chunk is an
 * optimisation of its own coordinates, and no client has the last word over another.
 *
 * <p>What differs from the papers: gradients come at times of their own, not by a Poisson clock,
 * and numbers lie on a grid. A tick after which a number leaves the grid is refused and moves
 * nothing. O(m c) a gradient, O(m^2 c) a spike, O(m^2 n c) a tick. State: {@link MixingState}.
 */
public final class EdgeMixing implements Operator<FederatedInput, MixingState, FederatedOutput> {
  private final MixingSettings settings;
  private final Authority authority;
  private final MixingDynamics dynamics;
  private final MixingArithmetic arithmetic;
  private final GradientIntake intake;
  private final SpikeSchedule schedule;
  private final SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
  private final SingleObject<RoundTick> ticks = SingleObject.of(RoundTick.class);

  /**
   * @param authority the owner's, on this thread alone
   */
  public EdgeMixing(MixingSettings settings, Authority authority) {
    this.settings = settings;
    this.authority = authority;
    this.dynamics = MixingDynamics.of(settings);
    this.arithmetic = new MixingArithmetic(dynamics, settings.exchange().gridBits());
    this.intake = new GradientIntake(settings.admission(), authority);
    this.schedule =
        new SpikeSchedule(
            settings.clock().seed(), settings.spikes(), settings.graph().edges().size());
  }

  @Override
  public MixingState createState(String key) {
    return new MixingState(key);
  }

  /** 0: only ticks have a time. */
  @Override
  public long eventTimeMillis(FederatedInput input) {
    return 0;
  }

  @Override
  public void accept(
      MixingState state,
      FederatedInput input,
      long eventTimeMillis,
      Models models,
      Consumer<? super FederatedOutput> out) {
    if (state.isStarted()
        && (!state.nodes.equals(settings.graph().nodes())
            || state.variables != dynamics.variables)) {
      throw refuse(
          Reason.INCONSISTENT,
          "model was started with nodes " + state.nodes + " or another method than the settings'");
    }
    if (input instanceof FederatedInput.Update update) {
      move(state, update.chunk());
    } else if (input instanceof FederatedInput.Authorised authorised) {
      accept(state, authorised.record(), out);
    } else {
      throw refuse(
          Reason.WRONG_SCHEMA,
          input.getClass().getSimpleName() + " on the updates topic, expected update or tick");
    }
  }

  private void accept(
      MixingState state, AuthorisedRecord record, Consumer<? super FederatedOutput> out) {
    byte[] framed = authority.open(state.key, record);
    try {
      String name = SingleObject.recordName(framed);
      switch (name) {
        case "ModelChunk" -> start(state, chunks.decode(framed), out);
        case "RoundTick" -> tick(state, ticks.decode(framed), out);
        default ->
            throw refuse(
                Reason.WRONG_SCHEMA, "record is a " + name + ", expected ModelChunk or RoundTick");
      }
    } catch (UnreadableRecordException e) {
      throw refuse(Reason.MALFORMED, "record: " + e.getMessage());
    }
  }

  private void start(MixingState state, ModelChunk chunk, Consumer<? super FederatedOutput> out) {
    double[] first = ChunkVersions.start(state.key, state.isStarted(), chunk);
    List<String> nodes = settings.graph().nodes();
    for (String node : nodes) {
      if (!FederatedKeys.isName(FederatedKeys.node(chunk.getModel(), node))) {
        throw refuse(Reason.BAD_KEY, "model and node " + node + " together are no name");
      }
    }
    int length = first.length;
    double[] values = new double[dynamics.variables * length];
    for (int i = 0; i < length; i++) {
      values[i] = arithmetic.round(first[i]);
    }
    requireFit(values);
    if (dynamics.flows()) {
      System.arraycopy(values, 0, values, length, length);
    }
    state.chunkCount = chunk.getChunkCount();
    state.schemaHash = CanonicalBytes.array(chunk.getSchemaHash());
    state.length = length;
    state.variables = dynamics.variables;
    state.nodes = nodes;
    state.values = new double[nodes.size()][];
    Arrays.setAll(state.values, node -> values.clone());
    state.taken = new long[nodes.size()];
    Arrays.fill(state.taken, -1);
    state.digests = new byte[nodes.size()][0];
    state.wait = schedule.of(chunk.getModel()).gap(0);
    publish(state, out);
  }

  private void move(MixingState state, UpdateChunk chunk) {
    int node = intake.node(state, chunk);
    byte[] digest = intake.digest(state, node, chunk);
    float[] descent = intake.values(chunk, state.length);
    double[] moved = state.values[node].clone();
    arithmetic.step(moved, descent);
    requireFit(moved);
    state.values[node] = moved;
    state.taken[node] = chunk.getTask().getBaseVersion();
    state.digests[node] = digest;
    state.changed(node);
  }

  private void tick(MixingState state, RoundTick tick, Consumer<? super FederatedOutput> out) {
    long micros = tick.getTimeMicros();
    if (!state.isStarted() || !tick.getModel().equals(FederatedKeys.modelOf(state.key))) {
      throw refuse(Reason.UNKNOWN_MODEL, "tick of a model without version 0 at " + state.key);
    }
    if (micros < 0 || micros > TaskOffers.NEVER) {
      throw refuse(Reason.BAD_TIME, "tick is at " + micros + " microseconds");
    }
    if (micros <= state.timeMicros) {
      return; // of another process that ticks, too
    }
    if (state.timeMicros >= 0) {
      double units = (micros - state.timeMicros) / (1000.0 * settings.clock().unitMillis());
      pass(state, Math.min(units, settings.clock().longestStep()));
      state.version++;
      publish(state, out);
    }
    state.timeMicros = micros;
    state.revision++;
  }

  /** Fires the spikes of the next units of time. */
  private void pass(MixingState state, double units) {
    SpikeSchedule spikes = schedule.of(FederatedKeys.modelOf(state.key));
    double[][] moved = new double[state.values.length][];
    Arrays.setAll(moved, node -> state.values[node].clone());
    double[] reached = new double[moved.length];
    double now = 0;
    long fired = state.spikes;
    double wait = state.wait;
    while (wait <= units - now) {
      now += wait;
      MixingGraph.Edge edge = settings.graph().edges().get(spikes.edge(fired));
      for (int end : new int[] {edge.from(), edge.to()}) {
        arithmetic.flow(moved[end], now - reached[end]);
        reached[end] = now;
      }
      arithmetic.mix(moved[edge.from()], moved[edge.to()]);
      fired++;
      wait = spikes.gap(fired);
    }
    for (int node = 0; node < moved.length; node++) {
      arithmetic.flow(moved[node], units - reached[node]);
      requireFit(moved[node]);
    }
    state.values = moved;
    state.spikes = fired;
    state.wait = wait - (units - now);
  }

  private void publish(MixingState state, Consumer<? super FederatedOutput> out) {
    long gone = state.version - settings.exchange().keptVersions();
    String model = FederatedKeys.modelOf(state.key);
    int chunk = FederatedKeys.chunkOf(state.key);
    for (int node = 0; node < state.nodes.size(); node++) {
      state.changed(node);
      out.accept(
          new FederatedOutput.Model(
              ChunkVersions.chunk(state, node, settings.exchange().elementBytes())));
      if (gone >= 0) {
        String name = FederatedKeys.node(model, state.nodes.get(node));
        out.accept(new FederatedOutput.RemovedModel(name, gone, chunk));
      }
      if (chunk == 0) {
        out.accept(new FederatedOutput.Task(offer(state, model, node)));
      }
    }
  }

  private TaskOffer offer(MixingState state, String model, int node) {
    long sequence = GradientIntake.sequence(state, state.version, node);
    UpdateTask task =
        new UpdateTask(
            model,
            state.nodes.get(node),
            sequence,
            state.version,
            state.version,
            SeededBits.seed(settings.clock().seed(), sequence),
            TaskOffers.NEVER,
            ByteBuffer.allocate(0));
    return new TaskOffer(
        authority.vouch(task),
        state.chunkCount,
        ByteBuffer.wrap(state.schemaHash.clone()),
        settings.admission().codecs().get(0),
        -1L,
        List.of(),
        "mixing",
        Map.of(),
        List.of());
  }

  private void requireFit(double[] values) {
    if (!arithmetic.fits(values)) {
      throw refuse(
          Reason.OUT_OF_RANGE,
          "a number would leave the grid, which ends at " + arithmetic.largest());
    }
  }

  private static InvalidInputException refuse(Reason reason, String message) {
    return new InvalidInputException(reason, message);
  }
}
