package io.millrace.operator.kvcache;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Eigenvalues and eigenvectors of a real symmetric matrix, by Householder reduction to tridiagonal
 * form and QL steps with implicit shifts (Bowdler, Martin, Reinsch, Wilkinson, 1968). Plain double
 * arithmetic in a fixed order: the same bits everywhere.
 *
 * <p>About 4 n^3 flops for the reduction with its vectors and 3 n^3 for the QL steps; memory n^2.
 */
public final class SymmetricEigen {
  private static final int MAXIMUM_STEPS = 60;

  private final int n;

  /** Rows become eigenvectors. */
  private final double[][] vectors;

  private final double[] diagonal;
  private final double[] beside;

  private SymmetricEigen(double[] matrix, int n) {
    this.n = n;
    this.vectors = new double[n][n];
    this.diagonal = new double[n];
    this.beside = new double[n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(matrix, i * n, vectors[i], 0, n);
    }
  }

  /**
   * Decomposes a matrix.
   *
   * @param values eigenvalues by falling size
   * @param vectors [n x n], row j the unit eigenvector of values[j], its largest entry positive
   */
  public record Decomposition(double[] values, double[][] vectors) {}

  /**
   * @param matrix [n x n], symmetric and finite; not modified
   * @throws ArithmeticException when the QL steps do not settle, which finite input never does
   */
  public static Decomposition of(double[] matrix, int n) {
    SymmetricEigen eigen = new SymmetricEigen(matrix, n);
    eigen.reduce();
    eigen.iterate();
    return eigen.sorted();
  }

  /** A = Q T Q' by n - 2 reflections; Q is gathered in {@code vectors} as columns. */
  private void reduce() {
    double[][] reflectors = new double[n][];
    double[][] a = vectors;
    for (int k = 0; k + 2 < n; k++) {
      double[] u = new double[n];
      double norm = 0;
      for (int i = k + 1; i < n; i++) {
        u[i] = a[i][k];
        norm += u[i] * u[i];
      }
      double tail = norm - u[k + 1] * u[k + 1];
      if (tail == 0) {
        continue;
      }
      double length = Math.sqrt(norm);
      double head = u[k + 1] >= 0 ? -length : length;
      u[k + 1] -= head;
      double scale = Math.sqrt(2 / (tail + u[k + 1] * u[k + 1]));
      for (int i = k + 1; i < n; i++) {
        u[i] *= scale;
      }
      reflect(a, u, k);
      reflectors[k] = u;
    }
    for (int i = 0; i < n; i++) {
      diagonal[i] = a[i][i];
      beside[i] = i + 1 < n ? a[i + 1][i] : 0;
    }
    gather(reflectors);
  }

  /** A = (I - u u') A (I - u u') with |u|^2 = 2, on rows and columns from k on. */
  private void reflect(double[][] a, double[] u, int k) {
    double[] p = new double[n];
    double dot = 0;
    for (int i = k; i < n; i++) {
      double sum = 0;
      double[] row = a[i];
      for (int j = k + 1; j < n; j++) {
        sum += row[j] * u[j];
      }
      p[i] = sum;
      dot += u[i] * sum;
    }
    for (int i = k; i < n; i++) {
      p[i] -= dot / 2 * u[i];
    }
    for (int i = k; i < n; i++) {
      double[] row = a[i];
      for (int j = k; j < n; j++) {
        row[j] -= u[i] * p[j] + p[i] * u[j];
      }
    }
  }

  /** Rows of Q' = (reflections in rising order applied to the identity). */
  private void gather(double[][] reflectors) {
    for (int i = 0; i < n; i++) {
      Arrays.fill(vectors[i], 0);
      vectors[i][i] = 1;
    }
    for (int k = n - 1; k >= 0; k--) {
      double[] u = reflectors[k];
      if (u == null) {
        continue;
      }
      // row i of Q' is column i of Q = H_0 H_1 ...: each column is reflected, last factor first
      for (int i = 0; i < n; i++) {
        double dot = 0;
        double[] column = vectors[i];
        for (int j = k + 1; j < n; j++) {
          dot += column[j] * u[j];
        }
        for (int j = k + 1; j < n; j++) {
          column[j] -= dot * u[j];
        }
      }
    }
  }

  private void iterate() {
    for (int low = 0; low < n; low++) {
      int steps = 0;
      while (true) {
        int split = low;
        while (split + 1 < n && !isSmall(split)) {
          split++;
        }
        if (split == low) {
          break;
        }
        if (steps++ == MAXIMUM_STEPS) {
          throw new ArithmeticException("eigenvalue " + low + " of " + n + " does not settle");
        }
        step(low, split);
      }
    }
  }

  private boolean isSmall(int i) {
    double size = Math.abs(diagonal[i]) + Math.abs(diagonal[i + 1]);
    return Math.abs(beside[i]) <= Math.ulp(size);
  }

  /** One QL step with Wilkinson's shift on rows low to high. */
  private void step(int low, int high) {
    double g = (diagonal[low + 1] - diagonal[low]) / (2 * beside[low]);
    double r = Math.sqrt(g * g + 1);
    g = diagonal[high] - diagonal[low] + beside[low] / (g + (g >= 0 ? r : -r));
    double s = 1;
    double c = 1;
    double p = 0;
    for (int i = high - 1; i >= low; i--) {
      double f = s * beside[i];
      double b = c * beside[i];
      r = Math.sqrt(f * f + g * g);
      if (i + 1 < n) {
        beside[i + 1] = i + 1 == high && r == 0 ? 0 : r;
      }
      if (r == 0) {
        diagonal[i + 1] -= p;
        beside[high] = 0;
        return;
      }
      s = f / r;
      c = g / r;
      g = diagonal[i + 1] - p;
      r = (diagonal[i] - g) * s + 2 * c * b;
      p = s * r;
      diagonal[i + 1] = g + p;
      g = c * r - b;
      rotate(i, s, c);
    }
    diagonal[low] -= p;
    beside[low] = g;
    beside[high] = 0;
  }

  private void rotate(int i, double s, double c) {
    double[] upper = vectors[i];
    double[] lower = vectors[i + 1];
    for (int j = 0; j < n; j++) {
      double x = lower[j];
      lower[j] = s * upper[j] + c * x;
      upper[j] = c * upper[j] - s * x;
    }
  }

  private Decomposition sorted() {
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(
        order, Comparator.<Integer>comparingDouble(i -> -diagonal[i]).thenComparingInt(i -> i));
    double[] values = new double[n];
    double[][] rows = new double[n][];
    for (int j = 0; j < n; j++) {
      values[j] = diagonal[order[j]];
      rows[j] = positive(vectors[order[j]]);
    }
    return new Decomposition(values, rows);
  }

  private static double[] positive(double[] row) {
    int largest = 0;
    for (int i = 1; i < row.length; i++) {
      if (Math.abs(row[i]) > Math.abs(row[largest])) {
        largest = i;
      }
    }
    if (row[largest] < 0) {
      for (int i = 0; i < row.length; i++) {
        row[i] = -row[i];
      }
    }
    return row;
  }
}
