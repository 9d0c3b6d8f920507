package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.kernel.RankNetwork;
import io.millrace.operator.SettingCheck;

/**
 * For every coordinate, the mean of the n - f values nearest to the median (Xie, Koyejo, Gupta,
 * Generalized Byzantine-tolerant SGD, 2018, arXiv 1802.10116).
 */
final class MeanAroundMedian implements ColumnRule {
  private final int clients;
  private final int faulty;
  private final RankNetwork network;
  private final float[] ranked;

  /**
   * @param faulty values to leave out, fewer than half of the clients
   */
  MeanAroundMedian(int clients, int faulty) {
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
      for (int c = 0; c < columns; c++) {
        double low = ranked[(clients - 1) / 2 * columns + c];
        double median = (low + ranked[clients / 2 * columns + c]) / 2;
        out[outFrom + block + c] =
            NearestValues.mean(ranked, clients, columns, c, clients - faulty, median);
      }
    }
  }
}
