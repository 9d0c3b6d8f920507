package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;

/**
 * Bits a value that another basis would save at equal error, in closed form. With covariance S of
 * the recent vectors about their mean m, a published basis of mean m', components u_j and
 * deviations s_j, and the error of its step, t = step^2 / 12, at a reference rate:
 *
 * <pre>
 * v_j    = u_j' (S + (m - m')(m - m')') u_j                     what the components meet now
 * spends = sum over c of log2(1 + v_j / t) / 2                  directions beyond r share the rest
 *        + sum over coded j of (v_j / s_j^2 - 1 - ln(v_j / s_j^2)) / (2 ln 2)
 * needs  = log2 det(I + S / t) / 2
 * gain   = (spends - needs) / c
 * </pre>
 *
 * <p>The first sum is the mean of half log2 ratios by which a basis loses that does not diagonalise
 * S (Hadamard: never below 0), with log2(1 + v) for max(0, log2 v) so that it needs a determinant
 * instead of eigenvalues; the second is what static tables lose on other variances than theirs
 * (Kullback and Leibler), at most {@value #MOST_BITS} bits each, which an escape costs. A
 * determinant takes c^3 / 6 multiply-adds, the v_j r c^2.
 */
final class CodingGain {
  private static final double MOST_BITS = 16;
  private static final double LN_2 = StrictMath.log(2);

  private CodingGain() {}

  /**
   * The gain.
   *
   * @param moments recent ones, of at least two vectors
   * @param referenceBits bits a value at which step and error are taken
   */
  static double bits(TransformBasis basis, SecondMoments moments, double referenceBits) {
    int c = basis.channels();
    ComponentTables tables = basis.tables(referenceBits);
    double error = (double) tables.step() * tables.step() / 12;
    double[] covariance = moments.covariance();
    double[] met = met(basis, moments, covariance);
    double bits = 0;
    double within = 0;
    for (int j = 0; j < met.length; j++) {
      bits += logarithm(1 + met[j] / error) / 2;
      within += met[j];
      if (j < tables.count()) {
        double ratio = met[j] / ((double) basis.deviations()[j] * basis.deviations()[j]);
        double lost = (ratio - 1 - StrictMath.log(Math.max(ratio, 1e-30))) / (2 * LN_2);
        bits += Math.min(MOST_BITS, lost);
      }
    }
    int beyond = c - met.length;
    if (beyond > 0) {
      double rest = Math.max(0, total(basis, moments, covariance) - within) / beyond;
      bits += beyond * logarithm(1 + rest / error) / 2;
    }
    for (int i = 0; i < c * c; i++) {
      covariance[i] /= error;
    }
    for (int i = 0; i < c; i++) {
      covariance[i * c + i] += 1;
    }
    return (bits - logarithmOfDeterminant(covariance, c) / 2) / c;
  }

  /** v_j. */
  private static double[] met(TransformBasis basis, SecondMoments moments, double[] covariance) {
    int c = basis.channels();
    int r = basis.componentCount();
    float[] about = new float[c * c];
    for (int i = 0; i < c; i++) {
      for (int j = 0; j < c; j++) {
        about[i * c + j] =
            (float) (covariance[i * c + j] + shift(basis, moments, i) * shift(basis, moments, j));
      }
    }
    float[] turned = new float[r * c];
    Kernels.gemm(basis.components(), 0, about, 0, turned, 0, r, c, c, new GemmScratch());
    double[] met = new double[r];
    for (int j = 0; j < r; j++) {
      met[j] = Math.max(0, Kernels.dot(turned, j * c, basis.components(), j * c, c));
    }
    return met;
  }

  private static double total(TransformBasis basis, SecondMoments moments, double[] covariance) {
    int c = basis.channels();
    double total = 0;
    for (int i = 0; i < c; i++) {
      double shift = shift(basis, moments, i);
      total += covariance[i * c + i] + shift * shift;
    }
    return total;
  }

  private static double shift(TransformBasis basis, SecondMoments moments, int channel) {
    return moments.mean(channel) - basis.mean()[channel];
  }

  /**
   * log2 of the determinant of a symmetric matrix with eigenvalues of at least 1, by Cholesky's
   * decomposition; rounding that makes a pivot smaller than that is undone.
   *
   * @param a [n x n], modified
   */
  static double logarithmOfDeterminant(double[] a, int n) {
    double[] row = new double[n];
    double bits = 0;
    for (int k = 0; k < n; k++) {
      double pivot = Math.max(a[k * n + k], 1);
      bits += logarithm(pivot);
      System.arraycopy(a, k * n, row, 0, n);
      for (int i = k + 1; i < n; i++) {
        double factor = row[i] / pivot;
        int from = i * n;
        for (int j = i; j < n; j++) {
          a[from + j] -= factor * row[j];
        }
      }
    }
    return bits;
  }

  private static double logarithm(double value) {
    return StrictMath.log(value) / LN_2;
  }
}
