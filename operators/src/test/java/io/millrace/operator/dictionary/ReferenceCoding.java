package io.millrace.operator.dictionary;

import java.util.Arrays;

/**
 * Coding written out in double, residual and all, with nothing shared with the coders: least
 * squares by Gaussian elimination of the normal equations.
 */
final class ReferenceCoding {
  final int atomCount;
  final int dimension;
  final double[] atoms; // [k x d]

  ReferenceCoding(double[] atoms, int atomCount, int dimension) {
    this.atoms = atoms;
    this.atomCount = atomCount;
    this.dimension = dimension;
  }

  static ReferenceCoding of(Dictionary dictionary) {
    double[] atoms = new double[dictionary.atoms().length];
    for (int i = 0; i < atoms.length; i++) {
      atoms[i] = dictionary.atoms()[i];
    }
    return new ReferenceCoding(atoms, dictionary.atomCount(), dictionary.dimension());
  }

  /** Only the components where the mask is 1, every atom brought back to norm 1. */
  static ReferenceCoding masked(Dictionary dictionary, float[] mask) {
    int k = dictionary.atomCount();
    int observed = 0;
    for (float m : mask) {
      observed += m == 1f ? 1 : 0;
    }
    double[] atoms = new double[k * observed];
    for (int j = 0; j < k; j++) {
      int o = j * observed;
      double energy = 0;
      for (int i = 0; i < mask.length; i++) {
        if (mask[i] == 1f) {
          double value = dictionary.atoms()[j * mask.length + i];
          atoms[o++] = value;
          energy += value * value;
        }
      }
      for (int i = j * observed; i < (j + 1) * observed; i++) {
        atoms[i] /= Math.sqrt(energy);
      }
    }
    return new ReferenceCoding(atoms, k, observed);
  }

  /** |m d_j| of each atom. */
  static double[] maskedNorms(Dictionary dictionary, float[] mask) {
    double[] norms = new double[dictionary.atomCount()];
    for (int j = 0; j < norms.length; j++) {
      for (int i = 0; i < mask.length; i++) {
        double value = mask[i] * dictionary.atoms()[j * mask.length + i];
        norms[j] += value * value;
      }
      norms[j] = Math.sqrt(norms[j]);
    }
    return norms;
  }

  double correlation(int atom, double[] x) {
    double sum = 0;
    for (int i = 0; i < dimension; i++) {
      sum += atoms[atom * dimension + i] * x[i];
    }
    return sum;
  }

  double[] residual(double[] x, int[] support, double[] coefficients, int count) {
    double[] residual = x.clone();
    for (int a = 0; a < count; a++) {
      for (int i = 0; i < dimension; i++) {
        residual[i] -= coefficients[a] * atoms[support[a] * dimension + i];
      }
    }
    return residual;
  }

  double[] leastSquares(double[] x, int[] support, int count) {
    double[][] system = new double[count][count + 1];
    for (int a = 0; a < count; a++) {
      for (int b = 0; b < count; b++) {
        for (int i = 0; i < dimension; i++) {
          system[a][b] += atoms[support[a] * dimension + i] * atoms[support[b] * dimension + i];
        }
      }
      system[a][count] = correlation(support[a], x);
    }
    for (int p = 0; p < count; p++) {
      for (int r = 0; r < count; r++) {
        if (r != p) {
          double factor = system[r][p] / system[p][p];
          for (int c = p; c <= count; c++) {
            system[r][c] -= factor * system[p][c];
          }
        }
      }
    }
    double[] solution = new double[count];
    for (int a = 0; a < count; a++) {
      solution[a] = system[a][count] / system[a][a];
    }
    return solution;
  }

  /** Support of matching pursuit in order of choice, and whether a choice was close. */
  record Pursuit(int[] support, double[] coefficients, boolean tied) {}

  /**
   * Takes {@code most} atoms. A choice is tied when the runner-up comes within 1e-5 of the best.
   */
  Pursuit pursue(double[] x, int most) {
    int[] support = new int[most];
    double[] coefficients = new double[0];
    boolean tied = false;
    for (int n = 0; n < most; n++) {
      double[] residual = residual(x, support, coefficients, n);
      double best = -1;
      double second = -1;
      for (int j = 0; j < atomCount; j++) {
        double magnitude = Math.abs(correlation(j, residual));
        if (magnitude > best) {
          second = best;
          best = magnitude;
          support[n] = j;
        } else {
          second = Math.max(second, magnitude);
        }
      }
      tied |= best - second < 1e-5 * best;
      coefficients = leastSquares(x, support, n + 1);
    }
    return new Pursuit(support, coefficients, tied);
  }

  static double[] record(float[] records, int from, int length) {
    double[] x = new double[length];
    for (int i = 0; i < length; i++) {
      x[i] = records[from + i];
    }
    return x;
  }

  static double[] observed(float[] record, float[] mask) {
    double[] x = new double[mask.length];
    int n = 0;
    for (int i = 0; i < mask.length; i++) {
      if (mask[i] == 1f) {
        x[n++] = record[i];
      }
    }
    return Arrays.copyOf(x, n);
  }
}
