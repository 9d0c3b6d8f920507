package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;

/**
 * Least squares on a growing set S of atoms: G_S = L D L' gains a row per atom (Rubinstein,
 * Zibulevsky, Elad, "Efficient implementation of the K-SVD algorithm using batch orthogonal
 * matching pursuit", 2008). With every atom n it keeps the correlations w_n of all atoms with n's
 * part orthogonal to those before it, of squared norm D_n (Sturm, Christensen, "Comparison of
 * orthogonal matching pursuit implementations", 2012):
 *
 * <pre>
 * L_nj = w_j[n] / D_j      D_n = w_n[n]      w_n = G[n] - sum over j of L_nj w_j
 * alpha = alpha - t_n w_n, t_n = alpha[n] / D_n      L' c = t
 * </pre>
 *
 * <p>So a step needs no triangular solution, only the end does: appending to n atoms costs 2 k n
 * flops, solving n^2. One thread at a time.
 */
final class ProgressiveProjection {
  // Squared distance of a unit atom from the span of those before it. Float rounding makes some
  // 1e-7 of an exact zero; below this the coefficients would be noise.
  private static final float DEPENDENT = 1e-6f;

  private int capacity;
  private int size;
  private int[] atoms = new int[0];
  private int[] order = new int[0]; // 0, 1, 2 ...
  private float[] factor = new float[0]; // L, [capacity x capacity], below the diagonal
  private float[] inverseDiagonal = new float[0]; // 1 / D
  private float[] steps = new float[0]; // t
  private float[] coefficients = new float[0];
  private float[] orthogonal = new float[0]; // w, [capacity x k]
  private double lastGain;

  /**
   * Starts an empty set.
   *
   * @param most atoms at most
   * @param k atoms of the dictionary
   */
  void clear(int most, int k) {
    size = 0;
    if (capacity < most) {
      capacity = most;
      atoms = new int[most];
      order = new int[most];
      for (int i = 0; i < most; i++) {
        order[i] = i;
      }
      factor = new float[most * most];
      inverseDiagonal = new float[most];
      steps = new float[most];
      coefficients = new float[most];
    }
    if (orthogonal.length < most * k) {
      orthogonal = new float[most * k];
    }
  }

  int size() {
    return size;
  }

  /** In order of appending, first {@link #size} valid. */
  int[] atoms() {
    return atoms;
  }

  /** As of the last {@link #solve}. */
  float[] coefficients() {
    return coefficients;
  }

  /** By how much the last atom appended lowered the squared norm of the residual. */
  double lastGain() {
    return lastGain;
  }

  /**
   * Adds an atom unless it is dead or, to float precision, a combination of those already here.
   *
   * @param gram [k x k], row {@code atom} read
   * @param alpha inner product of atom and residual
   * @return whether it was added
   */
  boolean append(float[] gram, int k, int atom, float alpha) {
    int n = size;
    int row = n * capacity;
    float rest = gram[atom * k + atom];
    for (int i = 0, at = atom; i < n; i++, at += k) {
      float product = orthogonal[at];
      float value = product * inverseDiagonal[i];
      factor[row + i] = value;
      rest = Math.fma(-value, product, rest);
    }
    if (!(rest > DEPENDENT)) { // negated, so that a NaN is refused too
      return false;
    }
    atoms[n] = atom;
    inverseDiagonal[n] = 1 / rest;
    steps[n] = alpha * inverseDiagonal[n];
    lastGain = (double) alpha * steps[n];
    size = n + 1;
    return true;
  }

  /**
   * Takes the last atom's part of the residual out of the correlations, which makes those of the
   * chosen atoms zero. Due between two calls of {@link #append}.
   *
   * @param gram [k x k], row of the last atom read
   * @param alpha [k], correlations of all atoms with the residual, modified
   */
  void project(float[] gram, int k, float[] alpha) {
    int n = size - 1;
    int last = n * k;
    System.arraycopy(factor, n * capacity, coefficients, 0, n);
    Kernels.subtractRows(
        gram, atoms[n] * k, coefficients, order, n, orthogonal, k, orthogonal, last);
    Kernels.axpy(-steps[n], orthogonal, last, alpha, 0, k);
    for (int i = 0; i <= n; i++) {
      alpha[atoms[i]] = 0f; // zero but for rounding; never to be chosen again
    }
  }

  /** Solves L' c = t for the coefficients, a row of L at a time. */
  void solve() {
    System.arraycopy(steps, 0, coefficients, 0, size);
    for (int i = size - 1; i > 0; i--) {
      float value = -coefficients[i];
      for (int j = 0, row = i * capacity; j < i; j++) {
        coefficients[j] = Math.fma(value, factor[row + j], coefficients[j]);
      }
    }
  }
}
