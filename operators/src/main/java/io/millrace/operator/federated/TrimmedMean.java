package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.kernel.RankNetwork;
import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * The mean of every coordinate without its lowest and highest values (Yin, Chen, Ramchandran,
 * Bartlett, 2018, arXiv 1803.01498), summed in double in rising order of the values.
 */
final class TrimmedMean implements ColumnRule {
  private final RankNetwork network;

  /**
   * @param faulty values to drop at each end, fewer than half of the clients
   */
  TrimmedMean(int clients, int faulty) {
    SettingCheck.range("faulty clients", faulty, 0, (clients - 1) / 2);
    network = new RankNetwork(clients, faulty, clients - 2 * faulty);
  }

  @Override
  public void combine(float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int block = 0; block < length; block += RankNetwork.COLUMNS) {
      int columns = Math.min(RankNetwork.COLUMNS, length - block);
      Kernels.rankMean(network, rows, from + block, columns, out, outFrom + block);
    }
  }

  /**
   * Means of ranks.
   *
   * @param ranked [any x columns]
   * @param means [columns], overwritten
   */
  static void means(float[] ranked, int firstRow, int rows, int columns, double[] means) {
    Arrays.fill(means, 0, columns, 0);
    for (int row = firstRow; row < firstRow + rows; row++) {
      int start = row * columns;
      for (int c = 0; c < columns; c++) {
        means[c] += ranked[start + c];
      }
    }
    for (int c = 0; c < columns; c++) {
      means[c] /= rows;
    }
  }
}
