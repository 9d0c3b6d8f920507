package io.millrace.operator.federated;

/** The server's part of an averaging method, over one chunk. One thread. */
interface ChunkMethod {
  /**
   * The update that the server optimiser takes, and what is remembered of the round.
   *
   * @param state its memories are modified
   * @param model the version that the step starts from, [c], not modified
   * @param mean of the round's updates, or what a robust rule makes of them, [c]; may be modified
   * @return D, [c]
   */
  double[] update(ChunkState state, ChunkRound round, double[] model, double[] mean);

  /** Whether the mean of the round's updates is needed. */
  default boolean needsMean() {
    return true;
  }

  /** What clients need beside the model, [c]; empty: nothing. */
  default double[] control(ChunkState state) {
    return new double[0];
  }
}
