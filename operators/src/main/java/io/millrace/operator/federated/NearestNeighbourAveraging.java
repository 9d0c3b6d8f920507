package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Nearest-neighbour averaging (MoNNA: Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan, Robust
 * collaborative learning with linear gradient overhead, 2022, arXiv 2209.10931): the mean of the n
 * - f updates nearest to a pivot, which is the last row of the Gram matrix: a node's own update
 * (which is then a client's row, too), or the previous aggregate. Clients send momenta.
 *
 * <p>O(n log n).
 *
 * @param faulty f, at least 0
 */
record NearestNeighbourAveraging(int faulty) implements GramRule {
  NearestNeighbourAveraging {
    SettingCheck.range("faulty clients", faulty, 0, 1 << 20);
  }

  /**
   * @throws IllegalArgumentException for no more clients than are faulty
   */
  @Override
  public double[] weights(Gram gram) {
    int clients = gram.size() - 1;
    SettingCheck.range("clients beside the pivot", clients, faulty + 1, Integer.MAX_VALUE);
    double[] distances = new double[clients];
    Arrays.setAll(distances, i -> gram.squaredDistance(i, clients));
    double[] weights = new double[gram.size()];
    for (int row : NearestRows.smallest(distances, clients - faulty)) {
      weights[row] = 1.0 / (clients - faulty);
    }
    return weights;
  }
}
