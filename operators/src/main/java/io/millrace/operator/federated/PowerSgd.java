package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * PowerSGD (Vogels, Karimireddy, Jaggi, 2019, arXiv 1905.13727): a layer's update M [rows x
 * columns] as P Q', by one power iteration a round from the last round's Q. In two dependent steps,
 * each a plain sum over clients: sum of M Q, made orthonormal, is P; sum of M'P is the next Q.
 * Biased: the client needs an error memory.
 *
 * <p>4 rank (rows + columns) bytes; 4 rank rows columns flops. Stateless.
 *
 * @param rank 1 to 256
 */
record PowerSgd(int rows, int columns, int rank) {
  PowerSgd {
    SettingCheck.range("rows of a layer", rows, 1, 1 << 20);
    SettingCheck.range("columns of a layer", columns, 1, 1 << 20);
    SettingCheck.range("rank", rank, 1, Math.min(256, Math.min(rows, columns)));
  }

  /** The first round's Q [columns x rank], from the shared seed. */
  double[] start(long seed) {
    double[] q = new double[columns * rank];
    for (int i = 0; i < q.length; i++) {
      q[i] = SeededBits.uniform(seed, i) - 0.5;
    }
    return q;
  }

  /**
   * M Q, to be summed over clients.
   *
   * @param m [rows x columns] row-major
   * @return [rows x rank]
   */
  float[] left(float[] m, double[] q) {
    float[] p = new float[rows * rank];
    double[] sums = new double[rank];
    for (int i = 0; i < rows; i++) {
      Arrays.fill(sums, 0);
      for (int j = 0; j < columns; j++) {
        for (int k = 0; k < rank; k++) {
          sums[k] += m[i * columns + j] * q[j * rank + k];
        }
      }
      for (int k = 0; k < rank; k++) {
        p[i * rank + k] = (float) sums[k];
      }
    }
    return p;
  }

  /**
   * Makes the summed P orthonormal, by Gram and Schmidt twice over; a column that depends on those
   * before it becomes zero.
   *
   * @param p [rows x rank], modified
   */
  void orthonormalise(double[] p) {
    for (int k = 0; k < rank; k++) {
      double before = norm(p, k);
      for (int pass = 0; pass < 2; pass++) {
        for (int other = 0; other < k; other++) {
          double along = 0;
          for (int i = 0; i < rows; i++) {
            along += p[i * rank + k] * p[i * rank + other];
          }
          for (int i = 0; i < rows; i++) {
            p[i * rank + k] -= along * p[i * rank + other];
          }
        }
      }
      double norm = norm(p, k);
      double scale = norm > 1e-12 * before ? 1 / norm : 0;
      for (int i = 0; i < rows; i++) {
        p[i * rank + k] *= scale;
      }
    }
  }

  /**
   * M'P, to be summed over clients.
   *
   * @return [columns x rank]
   */
  float[] right(float[] m, double[] p) {
    double[] sums = new double[columns * rank];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        for (int k = 0; k < rank; k++) {
          sums[j * rank + k] += m[i * columns + j] * p[i * rank + k];
        }
      }
    }
    return Vectors.floats(sums);
  }

  /**
   * P Q'.
   *
   * @return [rows x columns]
   */
  double[] product(double[] p, double[] q) {
    double[] m = new double[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double sum = 0;
        for (int k = 0; k < rank; k++) {
          sum += p[i * rank + k] * q[j * rank + k];
        }
        m[i * columns + j] = sum;
      }
    }
    return m;
  }

  private double norm(double[] p, int column) {
    double sum = 0;
    for (int i = 0; i < rows; i++) {
      sum += p[i * rank + column] * p[i * rank + column];
    }
    return Math.sqrt(sum);
  }
}
