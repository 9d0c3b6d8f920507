package io.millrace.operator.dictionary;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * The orthogonal polar factor U V' of a square matrix U S V', by the Newton-Schulz iteration X =
 * 1.5 X - 0.5 X X'X (Higham, "Functions of Matrices", 2008, chapter 8): matrix products only, so
 * the bits are those of {@link Kernels}.
 *
 * <p>Each step lifts a small singular value by half, so a matrix of condition c takes about log c /
 * log 1.5 + 5 steps of 4 n^3 flops; one that is nearly orthogonal takes three. Keeps 3 n^2 floats
 * of scratch. One thread.
 */
final class PolarFactor {
  /**
   * |X X' - I|, Frobenius, per root of n: above float rounding, far below any use of the result.
   */
  private static final double ORTHOGONAL = 1e-5;

  /** Enough for singular values down to 1e-7 of the largest: float knows no smaller ones. */
  private static final int STEPS = 48;

  /** Quintic steps before the cubic ones: lift small singular values 200,000-fold. */
  private static final int FAR_STEPS = 10;

  private final GemmScratch scratch = new GemmScratch();
  private float[] transposed = new float[0];
  private float[] square = new float[0];
  private float[] product = new float[0];

  /**
   * Replaces a matrix by its polar factor. Where it is singular beyond float precision, the result
   * has singular values between 0 and 1 in those directions.
   *
   * @param x [n x n], modified
   * @return whether the result is orthogonal
   */
  boolean apply(float[] x, int n) {
    reserve(n);
    // Below sqrt 3, the edge of convergence, with room for rounding.
    return scale(x, n, 1.7) && cubicSteps(x, n);
  }

  /**
   * As {@link #apply}, for a matrix with small singular values: starts with steps of 3.4445 X -
   * 4.7750 X X'X + 2.0315 (X X')^2 X, which lift those by 3.4 where a cubic step lifts by 1.5 and
   * leave all others between 0.7 and 1.2 (coefficients: Jordan, "Muon", 2024).
   */
  boolean applyFromFar(float[] x, int n) {
    reserve(n);
    if (!scale(x, n, 1)) {
      return false;
    }
    for (int step = 0; step < FAR_STEPS; step++) {
      multiplyByTranspose(x, n);
      Arrays.fill(transposed, 0f);
      Kernels.gramAdd(square, 0, square, 0, transposed, 0, n, n, scratch);
      for (int i = 0; i < n * n; i++) {
        square[i] = Math.fma(2.0315f, transposed[i], -4.7750f * square[i]);
      }
      for (int i = 0; i < n; i++) {
        square[i * (n + 1)] += 3.4445f;
      }
      Kernels.gemm(square, 0, x, 0, product, 0, n, n, n, scratch);
      System.arraycopy(product, 0, x, 0, n * n);
    }
    return cubicSteps(x, n);
  }

  private boolean cubicSteps(float[] x, int n) {
    for (int step = 0; step < STEPS; step++) {
      multiplyByTranspose(x, n);
      double defect = 0;
      for (int i = 0; i < n; i++) {
        defect = addDefect(defect, i, n);
      }
      Kernels.scale(-0.5f, square, 0, n * n);
      if (defect < ORTHOGONAL * ORTHOGONAL * n) {
        return true;
      }
      for (int i = 0; i < n; i++) {
        square[i * (n + 1)] += 1.5f;
      }
      Kernels.gemm(square, 0, x, 0, product, 0, n, n, n, scratch);
      System.arraycopy(product, 0, x, 0, n * n);
    }
    return false;
  }

  /** Adds the squares of row i of X X' - I, one after the other. */
  private double addDefect(double sum, int i, int n) {
    int row = i * n;
    float diagonal = square[row + i];
    square[row + i] = diagonal - 1;
    for (int o = row; o < row + n; o++) {
      double entry = square[o];
      sum += entry * entry;
    }
    square[row + i] = diagonal;
    return sum;
  }

  private void reserve(int n) {
    if (square.length != n * n) {
      transposed = new float[n * n];
      square = new float[n * n];
      product = new float[n * n];
    }
  }

  /**
   * Brings the largest singular value to at most {@code largestValue}. The largest entry goes
   * first, or the squares could leave the range of floats.
   */
  private boolean scale(float[] x, int n, double largestValue) {
    float largest = Math.abs(x[Kernels.argmaxAbs(x, 0, n * n)]);
    if (!(largest > 0) || largest == Float.POSITIVE_INFINITY) {
      return false;
    }
    for (int i = 0; i < n * n; i++) {
      x[i] /= largest;
    }
    multiplyByTranspose(x, n);
    float bound = 0;
    for (int i = 0; i < n; i++) {
      float sum = 0;
      for (int j = 0; j < n; j++) {
        sum += Math.abs(square[i * n + j]);
      }
      bound = Math.max(bound, sum);
    }
    // |X X'|_inf bounds the square of the largest singular value.
    Kernels.scale((float) (largestValue / Math.sqrt(bound)), x, 0, n * n);
    return true;
  }

  private void multiplyByTranspose(float[] x, int n) {
    Kernels.transpose(x, 0, transposed, 0, n, n);
    Arrays.fill(square, 0f);
    Kernels.gramAdd(x, 0, transposed, 0, square, 0, n, n, scratch);
  }
}
