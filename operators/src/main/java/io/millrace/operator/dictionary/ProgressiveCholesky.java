package io.millrace.operator.dictionary;

/**
 * Least squares on a growing set of atoms: G_S = L L' gains a row per atom (Rubinstein, Zibulevsky,
 * Elad, "Efficient implementation of the K-SVD algorithm using batch orthogonal matching pursuit",
 * 2008). Appending to n atoms and solving cost n^2 flops each. One thread at a time.
 */
final class ProgressiveCholesky {
  // Squared distance of a unit atom from the span of those before it. Float rounding makes some
  // 1e-7 of an exact zero; below this the coefficients would be noise.
  private static final float DEPENDENT = 1e-6f;

  private int capacity;
  private int size;
  private int[] atoms = new int[0];
  private float[] factor = new float[0]; // [capacity x capacity], lower triangle
  private float[] inverseDiagonal = new float[0];
  private float[] forward = new float[0]; // L^-1 times the correlations
  private float[] coefficients = new float[0];

  /** Starts an empty set of at most {@code most} atoms. */
  void clear(int most) {
    size = 0;
    if (capacity < most) {
      capacity = most;
      atoms = new int[most];
      factor = new float[most * most];
      inverseDiagonal = new float[most];
      forward = new float[most];
      coefficients = new float[most];
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
    return (double) forward[size - 1] * forward[size - 1];
  }

  /**
   * Adds an atom unless it is dead or, to float precision, a combination of those already here.
   *
   * @param gram [k x k], row {@code atom} read
   * @param correlation inner product of atom and record
   * @return whether it was added
   */
  boolean append(float[] gram, int k, int atom, float correlation) {
    int n = size;
    int row = n * capacity;
    int gramRow = atom * k;
    float rest = gram[gramRow + atom];
    float sum = correlation;
    for (int i = 0; i < n; i++) {
      float value = gram[gramRow + atoms[i]];
      for (int j = 0, other = i * capacity; j < i; j++) {
        value = Math.fma(-factor[other + j], factor[row + j], value);
      }
      value *= inverseDiagonal[i];
      factor[row + i] = value;
      rest = Math.fma(-value, value, rest);
      sum = Math.fma(-value, forward[i], sum);
    }
    if (!(rest > DEPENDENT)) { // negated, so that a NaN is refused too
      return false;
    }
    atoms[n] = atom;
    inverseDiagonal[n] = (float) (1 / Math.sqrt(rest));
    forward[n] = sum * inverseDiagonal[n];
    size = n + 1;
    return true;
  }

  /** Solves L' c = forward for the coefficients. */
  void solve() {
    for (int i = size - 1; i >= 0; i--) {
      float value = forward[i];
      for (int j = i + 1; j < size; j++) {
        value = Math.fma(-factor[j * capacity + i], coefficients[j], value);
      }
      coefficients[i] = value * inverseDiagonal[i];
    }
  }
}
