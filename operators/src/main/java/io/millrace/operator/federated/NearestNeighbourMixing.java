package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Nearest-neighbour mixing (Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan, Fixing by
 * mixing, 2023, arXiv 2302.01772): every update becomes the mean of the n - f updates nearest to
 * it, itself among them.
 *
 * <p>O(n^2 log n).
 *
 * @param faulty f, at least 0
 */
record NearestNeighbourMixing(int faulty) implements GramMixing {
  NearestNeighbourMixing {
    SettingCheck.range("faulty clients", faulty, 0, 1 << 20);
  }

  /**
   * @throws IllegalArgumentException for no more clients than are faulty
   */
  @Override
  public Mixing mixing(Gram gram) {
    int clients = gram.size();
    SettingCheck.range("clients", clients, faulty + 1, Integer.MAX_VALUE);
    int[][] members = new int[clients][];
    double[] distances = new double[clients];
    for (int i = 0; i < clients; i++) {
      for (int j = 0; j < clients; j++) {
        // Below every distance: an update stays its own neighbour when others equal it.
        distances[j] = j == i ? -1 : gram.squaredDistance(i, j);
      }
      members[i] = NearestRows.smallest(distances, clients - faulty);
    }
    return new Mixing(clients, members);
  }
}
