package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Method;
import java.util.Arrays;

/** The table of contents of {@link ChunkMethod}, and what they have in common. Stateless. */
final class ChunkMethods {
  private ChunkMethods() {}

  static ChunkMethod of(Method method) {
    Local local = method.local();
    return switch (method.averaging()) {
      case FEDAVG, FEDPROX, FEDBUFF -> new Averaging(1);
      case AFA_CD -> new Averaging(-local.rate());
      case FEDASYNC -> new Asynchronous();
      case AFA_CS -> new Remembering(method, local.rate());
      case EF21, ECONTROL -> new Remembering(method, 1);
      case SCAFFOLD -> new Scaffold(method);
      case SCALLION, SCAFCOM -> new Scallion(method, local.steps() * local.rate());
    };
  }

  /**
   * {@link FederatedAveraging}, {@link BufferedAveraging}, {@link AnarchicCrossDevice}: the
   * weighted mean of the round.
   *
   * @param scale 1 for updates, minus the clients' rate for gradients
   */
  private record Averaging(double scale) implements ChunkMethod {
    @Override
    public double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean) {
      return scaled(mean, scale);
    }
  }

  /**
   * {@link AsynchronousAveraging}: x = (1 - a) x + a (base + update), a the weight over the
   * divisor, with the server's rate in the optimiser's step. A base that is no longer kept counts
   * as the present version.
   */
  private record Asynchronous() implements ChunkMethod {
    @Override
    public double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean) {
      double[] update = new double[model.length];
      for (int i = 0; i < round.size(); i++) {
        double share = round.contribution(i).getWeight() / round.freeze().getDivisor();
        double[] base = state.versions.get(round.update(i).source().baseVersion());
        float[] values = round.values(i);
        for (int j = 0; j < update.length; j++) {
          double drift = base == null ? 0 : base[j] - model[j];
          update[j] += share * (drift + values[j]);
        }
      }
      return update;
    }

    @Override
    public boolean needsMean() {
      return false;
    }
  }

  /**
   * {@link GradientMemory}: of EF21, EControl and AFA-CS. D = - scale x mean over all n clients of
   * what is remembered of them.
   */
  private record Remembering(Method method, double scale) implements ChunkMethod {
    @Override
    public double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean) {
      for (int i = 0; i < round.size(); i++) {
        remember(state, round, i, round.update(i).values(round.length()), method);
      }
      return scaled(average(state, method), -scale);
    }

    @Override
    public boolean needsMean() {
      return false;
    }
  }

  /** {@link ScaffoldServer}. */
  private record Scaffold(Method method) implements ChunkMethod {
    @Override
    public double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean) {
      for (int i = 0; i < round.size(); i++) {
        remember(state, round, i, round.update(i).secondValues(round.length()), method);
      }
      return mean;
    }

    @Override
    public double[] control(ChunkState state) {
      return average(state, method);
    }
  }

  /**
   * {@link ScallionServer}, also of SCAFCOM. D = - scale (mean of the round's increments + c), c as
   * the round began.
   */
  private record Scallion(Method method, double scale) implements ChunkMethod {
    @Override
    public double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean) {
      double[] control = average(state, method);
      for (int j = 0; j < mean.length; j++) {
        mean[j] = -scale * (mean[j] + control[j]);
      }
      for (int i = 0; i < round.size(); i++) {
        remember(state, round, i, round.update(i).values(round.length()), method);
      }
      return mean;
    }

    @Override
    public double[] control(ChunkState state) {
      return average(state, method);
    }
  }

  /** Adds an increment to a client's memory and to the sum of all. */
  private static void remember(
      ChunkState state, ChunkRound round, int i, float[] increment, Method method) {
    if (state.totalOrNull == null) {
      state.totalOrNull = new FixedPointMemory(round.length(), method.memoryBits());
    }
    PendingUpdate.Source source = round.update(i).source();
    ChunkState.ClientMemoryEntry entry = state.memory(source.client());
    entry.memory.add(increment);
    entry.version = round.freeze().getVersion();
    entry.sequence = source.sequence();
    state.totalOrNull.add(increment);
    state.optimiserRevision++;
  }

  /** Mean over all clients of their memories. */
  private static double[] average(ChunkState state, Method method) {
    double[] mean = new double[state.length()];
    if (state.totalOrNull != null) {
      Arrays.setAll(mean, i -> state.totalOrNull.value(i) / method.clients());
    }
    return mean;
  }

  private static double[] scaled(double[] x, double factor) {
    if (factor != 1) {
      for (int i = 0; i < x.length; i++) {
        x[i] *= factor;
      }
    }
    return x;
  }
}
