package io.millrace.operator.federated;

import java.util.Arrays;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.RandomMatrices_DDRM;

/** A matrix of known spectrum, summed over two clients, against its best approximation. */
final class PowerSgdReference {
  private PowerSgdReference() {}

  /** Relative errors of PowerSGD and of the truncated singular value decomposition. */
  static double[] errors(int rank, int steps, Random random) {
    int rows = 60;
    int columns = 40;
    DMatrixRMaj u = RandomMatrices_DDRM.orthogonal(rows, columns, random);
    DMatrixRMaj v = RandomMatrices_DDRM.orthogonal(columns, columns, random);
    double[] spectrum = new double[columns];
    Arrays.setAll(spectrum, k -> Math.pow(0.7, k));
    float[][] clients = new float[2][rows * columns];
    double[] total = new double[rows * columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double sum = 0;
        for (int k = 0; k < columns; k++) {
          sum += spectrum[k] * u.get(i, k) * v.get(j, k);
        }
        int entry = i * columns + j;
        clients[0][entry] = (float) (random.nextGaussian() * 0.1);
        clients[1][entry] = (float) (sum - clients[0][entry]);
        total[entry] = (double) clients[0][entry] + clients[1][entry];
      }
    }
    PowerSgd codec = new PowerSgd(rows, columns, rank);
    double[] q = codec.start(9);
    double[] p = new double[0];
    for (int step = 0; step < steps; step++) {
      p = sum(codec.left(clients[0], q), codec.left(clients[1], q));
      codec.orthonormalise(p);
      q = sum(codec.right(clients[0], p), codec.right(clients[1], p));
    }
    double[] product = codec.product(p, q);
    double square = 0;
    double missed = 0;
    for (int i = 0; i < total.length; i++) {
      square += total[i] * total[i];
      missed += (total[i] - product[i]) * (total[i] - product[i]);
    }
    double tail = Arrays.stream(spectrum).skip(rank).map(s -> s * s).sum();
    double all = Arrays.stream(spectrum).map(s -> s * s).sum();
    return new double[] {Math.sqrt(missed / square), Math.sqrt(tail / all)};
  }

  private static double[] sum(float[] a, float[] b) {
    double[] sum = new double[a.length];
    Arrays.setAll(sum, i -> (double) a[i] + b[i]);
    return sum;
  }
}
