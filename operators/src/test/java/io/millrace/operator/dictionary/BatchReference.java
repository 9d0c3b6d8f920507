package io.millrace.operator.dictionary;

/**
 * The slow and plain way, in double and independent of the code under test: orthogonal matching
 * pursuit by refitting on the normal equations, the sequential sweep, and batch alternating
 * minimisation.
 */
final class BatchReference {
  private BatchReference() {}

  static double[] doubles(float[] values) {
    double[] result = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = values[i];
    }
    return result;
  }

  /** One sweep of d_j = unit(d_j + (b_j - D a_j) / A_jj) over the atoms that carry any mass. */
  static double[] sequentialSweep(double[] start, double[] a, double[] b, int k, int d) {
    double[] atoms = start.clone();
    double mass = 0;
    for (int j = 0; j < k; j++) {
      mass += a[j * k + j] / k;
    }
    for (int j = 0; j < k; j++) {
      if (a[j * k + j] <= 1e-6 * mass) {
        continue;
      }
      double[] u = new double[d];
      double square = 0;
      for (int i = 0; i < d; i++) {
        double residual = b[j * d + i];
        for (int l = 0; l < k; l++) {
          residual -= a[j * k + l] * atoms[l * d + i];
        }
        u[i] = atoms[j * d + i] + residual / a[j * k + j];
        square += u[i] * u[i];
      }
      for (int i = 0; i < d; i++) {
        atoms[j * d + i] = u[i] / Math.sqrt(square);
      }
    }
    return atoms;
  }

  /** Codes all records, sums A and B anew, sweeps; so many times. */
  static double[] alternatingMinimisation(
      double[] records, double[] start, int k, int d, int s, int iterations) {
    double[] atoms = start.clone();
    for (int iteration = 0; iteration < iterations; iteration++) {
      double[] a = new double[k * k];
      double[] b = new double[k * d];
      for (int r = 0; r < records.length / d; r++) {
        double[] z = code(records, r * d, atoms, k, d, s);
        for (int j = 0; j < k; j++) {
          for (int l = 0; l < k && z[j] != 0; l++) {
            a[j * k + l] += z[j] * z[l];
          }
          for (int i = 0; i < d && z[j] != 0; i++) {
            b[j * d + i] += z[j] * records[r * d + i];
          }
        }
      }
      atoms = sequentialSweep(atoms, a, b, k, d);
    }
    return atoms;
  }

  /** Residual energy over energy with s atoms a record. */
  static double residualShare(double[] records, double[] atoms, int k, int d, int s) {
    double energy = 0;
    double left = 0;
    for (int r = 0; r < records.length / d; r++) {
      double[] z = code(records, r * d, atoms, k, d, s);
      for (int i = 0; i < d; i++) {
        double residual = records[r * d + i];
        energy += residual * residual;
        for (int j = 0; j < k; j++) {
          residual -= z[j] * atoms[j * d + i];
        }
        left += residual * residual;
      }
    }
    return left / energy;
  }

  private static double[] code(double[] records, int from, double[] atoms, int k, int d, int s) {
    double[] z = new double[k];
    double[] residual = new double[d];
    System.arraycopy(records, from, residual, 0, d);
    int[] support = new int[s];
    for (int size = 1; size <= s; size++) {
      int best = -1;
      double largest = 1e-9;
      for (int j = 0; j < k; j++) {
        double product = Math.abs(inner(atoms, j * d, residual, 0, d));
        if (z[j] == 0 && product > largest) {
          largest = product;
          best = j;
        }
      }
      if (best < 0) {
        break;
      }
      support[size - 1] = best;
      double[] values = leastSquares(records, from, atoms, support, size, d);
      System.arraycopy(records, from, residual, 0, d);
      for (int p = 0; p < size; p++) {
        z[support[p]] = values[p];
        for (int i = 0; i < d; i++) {
          residual[i] -= values[p] * atoms[support[p] * d + i];
        }
      }
    }
    return z;
  }

  /** Gauss elimination on the normal equations of the chosen atoms. */
  private static double[] leastSquares(
      double[] records, int from, double[] atoms, int[] support, int size, int d) {
    double[][] m = new double[size][size + 1];
    for (int p = 0; p < size; p++) {
      for (int q = 0; q < size; q++) {
        m[p][q] = inner(atoms, support[p] * d, atoms, support[q] * d, d);
      }
      m[p][size] = inner(atoms, support[p] * d, records, from, d);
    }
    for (int p = 0; p < size; p++) {
      for (int q = p + 1; q < size; q++) {
        double factor = m[q][p] / m[p][p];
        for (int c = p; c <= size; c++) {
          m[q][c] -= factor * m[p][c];
        }
      }
    }
    double[] values = new double[size];
    for (int p = size - 1; p >= 0; p--) {
      double value = m[p][size];
      for (int q = p + 1; q < size; q++) {
        value -= m[p][q] * values[q];
      }
      values[p] = value / m[p][p];
    }
    return values;
  }

  private static double inner(double[] a, int aFrom, double[] b, int bFrom, int d) {
    double sum = 0;
    for (int i = 0; i < d; i++) {
      sum += a[aFrom + i] * b[bFrom + i];
    }
    return sum;
  }
}
