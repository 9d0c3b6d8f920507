package io.millrace.operator.federated;

import java.util.Arrays;

/** DADAO as the paper writes it, all nodes in one table, stepped in small times. */
final class DenseDadao {
  private static final double STEP = 1e-3;

  private final int numbers;
  private final double nu;
  private final double smoothness;
  private final double chi1;

  /** x, x~, y, y~, z, z~: each [nodes x numbers]. */
  private double[][] table;

  DenseDadao(int nodes, int numbers, double convexity, double smoothness, double chi1) {
    this.numbers = numbers;
    this.nu = convexity / 2;
    this.smoothness = smoothness;
    this.chi1 = chi1;
    this.table = new double[6][nodes * numbers];
  }

  double[] x(int node) {
    return Arrays.copyOfRange(table[0], node * numbers, (node + 1) * numbers);
  }

  void gradient(int node, double[] gradient) {
    for (int k = 0; k < numbers; k++) {
      int i = node * numbers + k;
      double r = gradient[k] - nu * table[0][i] - table[3][i];
      table[0][i] -= r / (4 * smoothness);
      table[1][i] -= r / (4 * Math.sqrt(nu * smoothness));
      table[3][i] += (0.25 * Math.sqrt(nu / smoothness) + 1) * r;
    }
  }

  void spike(int a, int b) {
    for (int k = 0; k < numbers; k++) {
      int i = a * numbers + k;
      int j = b * numbers + k;
      double apart = table[2][i] + table[4][i] - table[2][j] - table[4][j];
      table[4][i] -= apart / 2;
      table[4][j] += apart / 2;
      table[5][i] -= 2 * chi1 * Math.sqrt(smoothness / nu) * apart;
      table[5][j] += 2 * chi1 * Math.sqrt(smoothness / nu) * apart;
    }
  }

  void flow(double time) {
    int steps = 1 + (int) (time / STEP);
    double h = time / steps;
    for (int step = 0; step < steps; step++) {
      double[][] one = slope(table);
      double[][] two = slope(along(table, one, h / 2));
      double[][] three = slope(along(table, two, h / 2));
      double[][] four = slope(along(table, three, h));
      double[][] next = along(table, one, h / 6);
      next = along(next, two, h / 3);
      next = along(next, three, h / 3);
      table = along(next, four, h / 6);
    }
  }

  private double[][] slope(double[][] v) {
    double eta = Math.sqrt(nu / smoothness) / 8;
    double alpha = Math.sqrt(nu / smoothness) / 4;
    double theta = Math.sqrt(smoothness / nu) / 2;
    double[][] slope = new double[6][v[0].length];
    for (int i = 0; i < v[0].length; i++) {
      slope[0][i] = eta * (v[1][i] - v[0][i]);
      slope[1][i] = eta * (v[0][i] - v[1][i]);
      slope[2][i] = alpha * (v[3][i] - v[2][i]);
      slope[3][i] = -theta * (v[2][i] + v[4][i] + nu * v[1][i]);
      slope[4][i] = alpha * (v[5][i] - v[4][i]);
      slope[5][i] = alpha / 2 * (v[4][i] - v[5][i]);
    }
    return slope;
  }

  private static double[][] along(double[][] from, double[][] slope, double h) {
    double[][] to = new double[from.length][];
    for (int k = 0; k < from.length; k++) {
      to[k] = from[k].clone();
      for (int i = 0; i < to[k].length; i++) {
        to[k][i] += h * slope[k][i];
      }
    }
    return to;
  }
}
