package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.kernel.RankNetwork;
import io.millrace.operator.SettingCheck;

/**
 * For every coordinate, the mean of the n - f values nearest to the trimmed mean (Xie, Koyejo,
 * Gupta, Phocas: dimensional Byzantine-resilient stochastic gradient descent, 2018, arXiv
 * 1805.09682).
 */
final class Phocas implements ColumnRule {
  private final int clients;
  private final int faulty;
  private final RankNetwork network;
  private final float[] ranked;
  private final double[] centres = new double[RankNetwork.COLUMNS];

  /**
   * @param faulty values to leave out, and to trim at each end; fewer than half of the clients
   */
  Phocas(int clients, int faulty) {
    SettingCheck.range("faulty clients", faulty, 0, (clients - 1) / 2);
    this.clients = clients;
    this.faulty = faulty;
    network = new RankNetwork(clients, 0, clients);
    ranked = new float[clients * RankNetwork.COLUMNS];
  }

  @Override
  public void combine(float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int block = 0; block < length; block += RankNetwork.COLUMNS) {
      int columns = Math.min(RankNetwork.COLUMNS, length - block);
      Kernels.rank(network, rows, from + block, columns, ranked);
      TrimmedMean.means(ranked, faulty, clients - 2 * faulty, columns, centres);
      for (int c = 0; c < columns; c++) {
        out[outFrom + block + c] =
            NearestValues.mean(ranked, clients, columns, c, clients - faulty, centres[c]);
      }
    }
  }
}
