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

  CoordinateMedian(int clients) {
    network = new RankNetwork(clients, (clients - 1) / 2, 2 - clients % 2);
  }

  @Override
  public void combine(float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int block = 0; block < length; block += RankNetwork.COLUMNS) {
      int columns = Math.min(RankNetwork.COLUMNS, length - block);
      Kernels.rankMean(network, rows, from + block, columns, out, outFrom + block);
    }
  }
}
