package io.millrace.operator.federated;

import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.RandomMatrices_DDRM;

/**
 * Ten clients that disagree: client i has f_i = 1/2 (x - b_i)'A_i (x - b_i) in 20 dimensions, A_i
 * of spectrum 1 to 10 in a random basis, b_i normal. Their sum has one minimum, known in closed
 * form.
 */
final class Quadratics {
  static final int CLIENTS = 10;
  static final int LENGTH = 20;

  private final double[][][] curvature = new double[CLIENTS][LENGTH][LENGTH];
  private final double[][] centres = new double[CLIENTS][LENGTH];

  Quadratics(long seed) {
    Random random = new Random(seed);
    for (int client = 0; client < CLIENTS; client++) {
      DMatrixRMaj basis = RandomMatrices_DDRM.orthogonal(LENGTH, LENGTH, random);
      for (int i = 0; i < LENGTH; i++) {
        centres[client][i] = random.nextGaussian();
        for (int j = 0; j < LENGTH; j++) {
          for (int k = 0; k < LENGTH; k++) {
            double eigenvalue = 1 + 9.0 * k / (LENGTH - 1);
            curvature[client][i][j] += eigenvalue * basis.get(i, k) * basis.get(j, k);
          }
        }
      }
    }
  }

  /** Gradient of one client. */
  void gradient(int client, double[] x, double[] out) {
    for (int i = 0; i < LENGTH; i++) {
      double sum = 0;
      for (int j = 0; j < LENGTH; j++) {
        sum += curvature[client][i][j] * (x[j] - centres[client][j]);
      }
      out[i] = sum;
    }
  }

  /** Gradient of the mean over clients. */
  void gradient(double[] x, double[] out) {
    double[] one = new double[LENGTH];
    double[] sum = new double[LENGTH];
    for (int client = 0; client < CLIENTS; client++) {
      gradient(client, x, one);
      for (int i = 0; i < LENGTH; i++) {
        sum[i] += one[i] / CLIENTS;
      }
    }
    System.arraycopy(sum, 0, out, 0, LENGTH);
  }

  /** Minimum of the weighted sum. */
  double[] minimum(double... weights) {
    DMatrixRMaj a = new DMatrixRMaj(LENGTH, LENGTH);
    DMatrixRMaj right = new DMatrixRMaj(LENGTH, 1);
    for (int client = 0; client < CLIENTS; client++) {
      double weight = weights.length == 0 ? 1 : weights[client];
      for (int i = 0; i < LENGTH; i++) {
        for (int j = 0; j < LENGTH; j++) {
          a.add(i, j, weight * curvature[client][i][j]);
          right.add(i, 0, weight * curvature[client][i][j] * centres[client][j]);
        }
      }
    }
    DMatrixRMaj x = new DMatrixRMaj(LENGTH, 1);
    CommonOps_DDRM.solve(a, right, x);
    return x.getData();
  }

  /** |x - target| / |target|. */
  static double error(double[] x, double[] target) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < target.length; i++) {
      difference += (x[i] - target[i]) * (x[i] - target[i]);
      size += target[i] * target[i];
    }
    return Math.sqrt(difference / size);
  }
}
