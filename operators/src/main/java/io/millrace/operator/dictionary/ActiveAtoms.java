package io.millrace.operator.dictionary;

/**
 * The active atoms of one lasso record, with coefficients, residual and gradient in double. One
 * thread at a time.
 */
final class ActiveAtoms {
  private AtomSet set;
  private int size;
  private int[] atoms = new int[0];
  private boolean[] contained = new boolean[0];
  private double[] coefficients = new double[0];
  private double[] gradient = new double[0];
  private double[] residual = new double[0];
  private float[] rounded = new float[0];

  /** Starts an empty set over other atoms. */
  void clear(AtomSet newSet) {
    for (int i = 0; i < size; i++) {
      contained[atoms[i]] = false;
    }
    size = 0;
    set = newSet;
    int k = newSet.atomCount();
    if (atoms.length < k) {
      atoms = new int[k];
      contained = new boolean[k];
      coefficients = new double[k];
      gradient = new double[k];
      rounded = new float[k];
    }
    if (residual.length < newSet.dimension()) {
      residual = new double[newSet.dimension()];
    }
  }

  /** Adds an atom, not a dead one, with coefficient 0 unless it is here. */
  void add(int atom) {
    if (!contained[atom]) {
      set.prepare(atom);
      contained[atom] = true;
      coefficients[size] = 0;
      atoms[size++] = atom;
    }
  }

  int size() {
    return size;
  }

  int[] atoms() {
    return atoms;
  }

  /** After {@link #compact}. */
  float[] coefficients() {
    return rounded;
  }

  /** Takes the coefficients from a dense [k] code. */
  void start(float[] dense) {
    for (int i = 0; i < size; i++) {
      coefficients[i] = dense[atoms[i]];
    }
  }

  /** Record minus reconstruction, kept in double and rounded to {@code out}. */
  void residual(float[] record, int from, float[] out) {
    int d = set.dimension();
    for (int i = 0; i < d; i++) {
      residual[i] = record[from + i];
    }
    float[] rows = set.atoms();
    for (int a = 0; a < size; a++) {
      double coefficient = coefficients[a];
      if (coefficient != 0) {
        int row = atoms[a] * d;
        for (int i = 0; i < d; i++) {
          residual[i] -= coefficient * rows[row + i];
        }
      }
    }
    for (int i = 0; i < d; i++) {
      out[i] = (float) residual[i];
    }
  }

  /**
   * Recomputes the gradient from the residual; the largest violation of an optimality condition.
   */
  double violation(double lambda) {
    int d = set.dimension();
    float[] rows = set.atoms();
    double worst = 0;
    for (int a = 0; a < size; a++) {
      int row = atoms[a] * d;
      double sum = 0;
      for (int i = 0; i < d; i++) {
        sum += residual[i] * rows[row + i];
      }
      gradient[a] = sum;
      double z = coefficients[a];
      double excess = z == 0 ? Math.abs(sum) - lambda : Math.abs(sum - Math.copySign(lambda, z));
      worst = Math.max(worst, excess);
    }
    return worst;
  }

  /** Cyclic coordinate descent from the present gradient until no step exceeds the tolerance. */
  void descend(double lambda, double tolerance, int maxSweeps) {
    int k = set.atomCount();
    float[] gram = set.gram();
    double change = tolerance + 1;
    for (int sweep = 0; sweep < maxSweeps && change > 0.1 * tolerance; sweep++) {
      change = 0;
      for (int a = 0; a < size; a++) {
        double energy = gram[atoms[a] * k + atoms[a]];
        double pull = energy * coefficients[a] + gradient[a];
        double shrunk = Math.copySign(Math.max(0, Math.abs(pull) - lambda), pull);
        double step = shrunk / energy - coefficients[a];
        if (step != 0) {
          coefficients[a] += step;
          shift(gram, atoms[a] * k, step);
          change = Math.max(change, Math.abs(step));
        }
      }
    }
  }

  private void shift(float[] gram, int row, double step) {
    for (int a = 0; a < size; a++) {
      gradient[a] -= step * gram[row + atoms[a]];
    }
  }

  /** Drops coefficients that are or round to 0, rounds the others and returns their number. */
  int compact() {
    int kept = 0;
    for (int a = 0; a < size; a++) {
      float coefficient = (float) coefficients[a];
      if (coefficient == 0f) {
        contained[atoms[a]] = false;
      } else {
        atoms[kept] = atoms[a];
        rounded[kept++] = coefficient;
      }
    }
    size = kept;
    return kept;
  }
}
