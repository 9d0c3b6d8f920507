package io.millrace.operator.federated;

/**
 * The server of FedAvg and FedProx (McMahan, Moore, Ramage, Hampson, Arcas, 2016, arXiv
 * 1602.05629): the mean of the round's updates, weighted by examples, is the step. One round of one
 * chunk. Also the server of error feedback in its first form, whose clients keep what was lost.
 *
 * <p>8 bytes a coordinate. One thread.
 */
final class FederatedAveraging {
  private final FixedPointSum sum;

  FederatedAveraging(int length, FixedPointScale scale) {
    sum = new FixedPointSum(length, scale);
  }

  /**
   * Takes an update.
   *
   * @throws IllegalArgumentException as {@link FixedPointSum#add}; nothing is taken then
   */
  void accept(float[] update, int examples) {
    sum.add(update, 0, examples);
  }

  /** The mean update, for a server optimiser. The round may go on. */
  double[] mean() {
    double[] mean = new double[sum.length()];
    sum.mean(mean);
    return mean;
  }

  /** x += rate times the mean update; then empty for the next round of the same scale. */
  void close(double[] model, double rate) {
    sum.addTo(model, rate / sum.weight());
    sum.clear();
  }
}
