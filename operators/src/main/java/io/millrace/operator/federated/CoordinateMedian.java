package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.kernel.RankNetwork;

/**
 * The median of every coordinate (Yin, Chen, Ramchandran, Bartlett, 2018, arXiv 1803.01498); of an
 * even number of clients, the mean of the two in the middle. Withstands fewer than half.
 *
 * <p>About n log2(n)^2 / 5 comparators a coordinate.
 */
final class CoordinateMedian implements ColumnRule {
  private final RankNetwork network;
  private final float[] ranked;

  CoordinateMedian(int clients) {
    network = new RankNetwork(clients, (clients - 1) / 2, 2 - clients % 2);
    ranked = new float[network.ranks() * RankNetwork.COLUMNS];
  }

  @Override
  public void combine(float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int block = 0; block < length; block += RankNetwork.COLUMNS) {
      int columns = Math.min(RankNetwork.COLUMNS, length - block);
      Kernels.rank(network, rows, from + block, columns, ranked);
      int other = (network.ranks() - 1) * columns;
      for (int c = 0; c < columns; c++) {
        out[outFrom + block + c] = ((double) ranked[c] + ranked[other + c]) / 2;
      }
    }
  }
}
