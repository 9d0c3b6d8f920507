package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Server;
import java.util.List;

/** The table of contents of server optimisers. Stateless. */
final class ServerOptimisers {
  private ServerOptimisers() {}

  /** At step 0. */
  private static ServerOptimiser of(Server server, int length, double[] layout) {
    AdaptiveSettings adaptive =
        new AdaptiveSettings(server.firstDecay(), server.secondDecay(), server.floor());
    return switch (server.optimiser()) {
      case SGD -> new Plain();
      case MOMENTUM -> new ServerMomentum(length, server.firstDecay());
      case ADAGRAD -> new ServerAdagrad(length, adaptive);
      case YOGI -> new ServerYogi(length, adaptive);
      case ADAM -> new ServerAdam(length, adaptive);
      case LION ->
          new ServerLion(length, server.firstDecay(), server.secondDecay(), server.weightDecay());
      case DIFFGRAD -> new ServerDiffGrad(length, adaptive);
      case MKOR -> new ServerKronecker(server, layout);
    };
  }

  /**
   * The optimiser of a state: as it was, unless the settings name another one than stepped last,
   * which then starts anew.
   */
  static ServerOptimiser of(Server server, ChunkState state) {
    if (state.optimiserOrNull == null || !state.optimiserId.equals(server.optimiser().id())) {
      ServerOptimiser optimiser = of(server, state.length(), ServerKronecker.layout(state));
      List<double[]> memory = optimiser.memory();
      boolean same =
          state.optimiserId.equals(server.optimiser().id())
              && state.optimiserMemory.length == memory.size();
      for (int i = 0; same && i < memory.size(); i++) {
        same = state.optimiserMemory[i].length == memory.get(i).length;
      }
      for (int i = 0; same && i < memory.size(); i++) {
        System.arraycopy(state.optimiserMemory[i], 0, memory.get(i), 0, memory.get(i).length);
      }
      state.optimiserOrNull = optimiser;
      state.optimiserId = server.optimiser().id();
      state.optimiserMemory = memory.toArray(new double[0][]);
    }
    return state.optimiserOrNull;
  }

  /** x += rate D. */
  private record Plain() implements ServerOptimiser {
    @Override
    public void step(double[] model, double[] update, double rate) {
      for (int i = 0; i < model.length; i++) {
        model[i] += rate * update[i];
      }
    }

    @Override
    public List<double[]> memory() {
      return List.of();
    }
  }
}
