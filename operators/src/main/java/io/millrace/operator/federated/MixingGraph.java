package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.kvcache.SymmetricEigen;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/**
 * A connected network of nodes, and its two constants, of the Laplacian in which each edge weighs
 * 1: chi1 is the inverse of its smallest eigenvalue above 0, chi2 half the largest resistance
 * between the ends of an edge. On a ring of n they are about n^2 / 40 and 1/2, on a complete graph
 * both 1 / n: sqrt(chi1 chi2) against chi1 is what acceleration saves. At r spikes an edge and unit
 * of time both are divided by r. Immutable.
 *
 * @param nodes names, each once
 * @param edges between them, each once
 */
public record MixingGraph(List<String> nodes, List<Edge> edges) {
  private static final int MOST_NODES = 256;

  /** The shapes that {@link #of} knows. */
  public static final List<String> SHAPES = List.of("ring", "line", "star", "complete");

  /**
   * A pair that talks.
   *
   * @param from number of a node
   * @param to number of a later one
   */
  public record Edge(int from, int to) {}

  /**
   * @throws IllegalArgumentException for other than 2 to 256 names, or a network that falls apart
   */
  public MixingGraph {
    nodes = List.copyOf(nodes);
    edges = List.copyOf(edges);
    SettingCheck.range("number of nodes", nodes.size(), 2, MOST_NODES);
    for (String node : nodes) {
      if (!FederatedKeys.isName(node)) {
        throw new IllegalArgumentException("node is '" + node + "', which is no name");
      }
    }
    if (new HashSet<>(nodes).size() < nodes.size()) {
      throw new IllegalArgumentException("nodes are " + nodes + ", expected each once");
    }
    if (new HashSet<>(edges).size() < edges.size()) {
      throw new IllegalArgumentException("edges are " + edges + ", expected each once");
    }
    for (Edge edge : edges) {
      SettingCheck.range("end of an edge", edge.to(), 1, nodes.size() - 1);
      SettingCheck.range("start of an edge", edge.from(), 0, edge.to() - 1);
    }
    if (!connects(nodes.size(), edges)) {
      throw new IllegalArgumentException("edges leave a node that others cannot reach");
    }
  }

  /**
   * A network of a usual shape, in the order of the nodes.
   *
   * @param shape one of {@link #SHAPES}; a star's first node is its middle
   * @throws IllegalArgumentException for another shape
   */
  public static MixingGraph of(String shape, List<String> nodes) {
    int n = nodes.size();
    List<Edge> edges = new ArrayList<>();
    for (int to = 1; to < n; to++) {
      for (int from = 0; from < to; from++) {
        boolean beside = to - from == 1;
        boolean joined =
            switch (shape) {
              case "ring" -> beside || from == 0 && to == n - 1;
              case "line" -> beside;
              case "star" -> from == 0;
              case "complete" -> true;
              default ->
                  throw new IllegalArgumentException(
                      "shape is " + shape + ", expected one of " + SHAPES);
            };
        if (joined) {
          edges.add(new Edge(from, to));
        }
      }
    }
    return new MixingGraph(nodes, edges);
  }

  /**
   * What mixing over the network costs.
   *
   * @param connectivity chi1
   * @param resistance chi2
   */
  record Constants(double connectivity, double resistance) {}

  /** Both constants, in O(n^3). */
  Constants constants() {
    int n = nodes.size();
    SymmetricEigen.Decomposition eigen = SymmetricEigen.of(laplacian(), n);
    double largest = 0;
    for (Edge edge : edges) {
      double between = 0;
      for (int k = 0; k < n - 1; k++) {
        double[] vector = eigen.vectors()[k];
        double difference = vector[edge.from()] - vector[edge.to()];
        between += difference * difference / eigen.values()[k];
      }
      largest = Math.max(largest, between / 2);
    }
    return new Constants(1 / eigen.values()[n - 2], largest);
  }

  private double[] laplacian() {
    int n = nodes.size();
    double[] laplacian = new double[n * n];
    for (Edge edge : edges) {
      laplacian[edge.from() * n + edge.from()]++;
      laplacian[edge.to() * n + edge.to()]++;
      laplacian[edge.from() * n + edge.to()]--;
      laplacian[edge.to() * n + edge.from()]--;
    }
    return laplacian;
  }

  private static boolean connects(int n, List<Edge> edges) {
    int[] part = new int[n];
    for (int i = 0; i < n; i++) {
      part[i] = i;
    }
    int parts = n;
    for (Edge edge : edges) {
      int kept = part[edge.from()];
      int gone = part[edge.to()];
      for (int i = 0; gone != kept && i < n; i++) {
        part[i] = part[i] == gone ? kept : part[i];
      }
      parts -= gone == kept ? 0 : 1;
    }
    return parts == 1;
  }
}
