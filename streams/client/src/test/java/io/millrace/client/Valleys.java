package io.millrace.client;

import io.millrace.operator.federated.Gradient;
import java.util.Random;

/** Clients that disagree: f_i = 1/2 sum_j a_ij (x_j - b_ij)^2, with one minimum of their sum. */
final class Valleys {
  final int clients;
  final int length;
  private final double[][] a;
  private final double[][] b;

  Valleys(int clients, int length) {
    this.clients = clients;
    this.length = length;
    Random random = new Random(11);
    a = new double[clients][length];
    b = new double[clients][length];
    for (int i = 0; i < clients; i++) {
      for (int j = 0; j < length; j++) {
        a[i][j] = 1 + 1.5 * random.nextDouble();
        b[i][j] = random.nextGaussian();
      }
    }
  }

  Gradient gradient(int client) {
    return (x, out) -> {
      for (int j = 0; j < length; j++) {
        out[j] = a[client][j] * (x[j] - b[client][j]);
      }
    };
  }

  /** Distance from the minimum, over its length. */
  double error(double[] x) {
    double difference = 0;
    double size = 0;
    for (int j = 0; j < length; j++) {
      double above = 0;
      double below = 0;
      for (int i = 0; i < clients; i++) {
        above += a[i][j] * b[i][j];
        below += a[i][j];
      }
      double minimum = above / below;
      difference += (x[j] - minimum) * (x[j] - minimum);
      size += minimum * minimum;
    }
    return Math.sqrt(difference / size);
  }
}
