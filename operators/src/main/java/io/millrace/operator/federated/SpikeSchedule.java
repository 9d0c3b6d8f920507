package io.millrace.operator.federated;

/**
 * When which edge mixes: a Poisson process over all edges alike, drawn by counter, so that spike k
 * of a model is the same for all its chunks, in every replay. Immutable.
 */
final class SpikeSchedule {
  private static final int WAITS = 1;
  private static final int EDGES = 2;

  private final long seed;
  private final double rate;
  private final int edges;

  /**
   * @param rate of all edges together in a unit of time
   */
  SpikeSchedule(long seed, double rate, int edges) {
    this.seed = seed;
    this.rate = rate;
    this.edges = edges;
  }

  /** Of one model. */
  SpikeSchedule of(String model) {
    long own = seed;
    for (int i = 0; i < model.length(); i++) {
      own = SeededBits.seed(own, model.charAt(i));
    }
    return new SpikeSchedule(own, rate, edges);
  }

  /** Units of time between spike k - 1, or the beginning, and spike k. */
  double gap(long k) {
    return -StrictMath.log(1 - SeededBits.uniform(SeededBits.seed(seed, WAITS), k)) / rate;
  }

  /** Number of its edge. */
  int edge(long k) {
    return SeededBits.below(SeededBits.seed(seed, EDGES), k, edges);
  }
}
