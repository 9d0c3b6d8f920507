package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.List;

/**
 * Preconditioning of one layer by rank-1 updates of two inverse factors, after MKOR (Mozaffari, Li,
 * Zhang, Mehri Dehnavi, 2023, arXiv 2306.01685): with the mean activation a and the mean output
 * gradient g of a layer, R = decay R + (1 - decay) a a' and L = decay L + (1 - decay) g g', the
 * update U of the layer becomes L^-1 U R^-1, scaled back to the length of U. Both vectors are plain
 * means over clients, so that they sum like updates do.
 *
 * <p>Unlike the paper, which approximates, the inverses are exact (Sherman and Morrison, 1950); its
 * guard is kept: an inverse whose largest entry passes a bound is moved towards the identity.
 *
 * <p>Needs the whole layer in one place: chunk borders may not cut it. 8 (inputs^2 + outputs^2)
 * bytes; 4 (inputs^2 + outputs^2) flops an update and 2 inputs outputs (inputs + outputs) a step.
 */
final class KroneckerFactors {
  private static final int LARGEST_SIDE = 16384;

  private final int inputs;
  private final int outputs;
  private final double decay;
  private final double bound;
  private final double[] inputInverse;
  private final double[] outputInverse;

  /**
   * @param decay of the factors, 0.5 to below 1
   * @param bound of an inverse's entries, above 1
   */
  KroneckerFactors(int outputs, int inputs, double decay, double bound) {
    SettingCheck.range("outputs of a layer", outputs, 1, LARGEST_SIDE);
    SettingCheck.range("inputs of a layer", inputs, 1, LARGEST_SIDE);
    SettingCheck.range("decay", decay, 0.5, Math.nextDown(1.0));
    SettingCheck.range("bound of an inverse", bound, 1, 1e12);
    this.inputs = inputs;
    this.outputs = outputs;
    this.decay = decay;
    this.bound = bound;
    this.inputInverse = identity(inputs);
    this.outputInverse = identity(outputs);
  }

  /**
   * Takes a round's mean vectors.
   *
   * @param activation [inputs], finite
   * @param gradient [outputs], finite
   */
  void update(double[] activation, double[] gradient) {
    update(inputInverse, activation, inputs);
    update(outputInverse, gradient, outputs);
  }

  /**
   * Preconditions an update.
   *
   * @param update [outputs x inputs] row-major, overwritten by L^-1 U R^-1 at the same length
   */
  void precondition(double[] update) {
    double before = norm(update);
    double[] left = product(outputInverse, update, outputs, outputs, inputs);
    double[] both = product(left, inputInverse, outputs, inputs, inputs);
    double after = norm(both);
    double scale = after > 0 ? before / after : 0;
    for (int i = 0; i < update.length; i++) {
      update[i] = scale * both[i];
    }
  }

  /** R^-1 and L^-1: the arrays themselves. */
  List<double[]> memory() {
    return List.of(inputInverse, outputInverse);
  }

  /** Entry of R^-1, for tests. */
  double inputInverse(int i, int j) {
    return inputInverse[i * inputs + j];
  }

  /** (decay A + (1 - decay) v v')^-1 from A^-1. */
  private void update(double[] inverse, double[] v, int n) {
    double[] along = new double[n];
    double square = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        along[i] += inverse[i * n + j] * v[j];
      }
      square += v[i] * along[i];
    }
    double factor = (1 - decay) / (decay + (1 - decay) * square);
    double largest = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        int entry = i * n + j;
        inverse[entry] = (inverse[entry] - factor * (along[i] * along[j])) / decay;
        largest = Math.max(largest, Math.abs(inverse[entry]));
      }
    }
    if (largest > bound) {
      guard(inverse, n, largest);
    }
  }

  /** A mean of the inverse and the identity whose largest entry is within the bound. */
  private void guard(double[] inverse, int n, double largest) {
    double kept = (bound - 1) / largest;
    for (int entry = 0; entry < inverse.length; entry++) {
      inverse[entry] = kept * inverse[entry] + (entry % (n + 1) == 0 ? 1 - kept : 0);
    }
  }

  private static double[] product(double[] a, double[] b, int m, int k, int n) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int p = 0; p < k; p++) {
        double factor = a[i * k + p];
        for (int j = 0; j < n; j++) {
          c[i * n + j] += factor * b[p * n + j];
        }
      }
    }
    return c;
  }

  private static double norm(double[] x) {
    double sum = 0;
    for (double value : x) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  private static double[] identity(int n) {
    double[] identity = new double[n * n];
    for (int i = 0; i < n; i++) {
      identity[i * n + i] = 1;
    }
    return identity;
  }
}
