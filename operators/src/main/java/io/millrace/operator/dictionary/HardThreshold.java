package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * Keeps the largest correlations c = D'x: at most {@code maxAtoms} of them, and only those with |c|
 * above a threshold. With orthonormal atoms this is the exact best sparse code; with others {@code
 * refit} makes the coefficients the least-squares ones on the support found, leaving out atoms that
 * depend on those before them. Entries are in rising atom order.
 *
 * <p>Cost per record 2dk flops and one pass over c; when the threshold leaves more than maxAtoms,
 * also k comparisons for each atom kept; refitting s atoms adds s^3/3 + s^2 flops.
 */
public final class HardThreshold extends CorrelatedCoder {
  /**
   * @param maxAtoms s, at least 1
   * @param threshold keep |c| above this, at least 0; of the renormalised atoms under a mask
   * @param refit least squares on the support
   */
  public record Settings(int maxAtoms, float threshold, boolean refit) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Settings {
      if (maxAtoms < 1) {
        throw new IllegalArgumentException("maxAtoms: got " + maxAtoms + ", expected at least 1");
      }
      if (!(threshold >= 0 && threshold < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("threshold: got " + threshold + ", expected at least 0");
      }
    }
  }

  private final Settings settings;
  private final ProgressiveCholesky refitted = new ProgressiveCholesky();
  private int[] support = new int[0];
  private float[] coefficients = new float[0];
  private float[] remaining = new float[0];
  private float[] residual = new float[0];

  public HardThreshold(Settings settings) {
    this.settings = settings;
  }

  @Override
  void codeRecord(
      AtomSet atoms,
      float[] correlations,
      int correlationsFrom,
      float[] record,
      int recordFrom,
      SparseCodes out) {
    reserve(atoms);
    int n = select(correlations, correlationsFrom, atoms.atomCount());
    for (int i = 0; i < n; i++) {
      atoms.prepare(support[i]);
      coefficients[i] = correlations[correlationsFrom + support[i]];
    }
    if (settings.refit()) {
      n = refit(atoms, n);
    }
    int d = atoms.dimension();
    Kernels.subtractRows(
        record, recordFrom, coefficients, support, n, atoms.atoms(), d, residual, 0);
    float energy = Kernels.dot(record, recordFrom, record, recordFrom, d);
    float residualEnergy = Kernels.dot(residual, 0, residual, 0, d);
    out.append(support, coefficients, n, energy, residualEnergy);
  }

  private void reserve(AtomSet atoms) {
    int k = atoms.atomCount();
    if (support.length < k) {
      support = new int[k];
      coefficients = new float[k];
      remaining = new float[k];
    }
    if (residual.length < atoms.dimension()) {
      residual = new float[atoms.dimension()];
    }
  }

  /** Fills the support in rising order and returns its size. */
  private int select(float[] correlations, int from, int k) {
    int n = 0;
    for (int j = 0; j < k; j++) {
      if (Math.abs(correlations[from + j]) > settings.threshold()) {
        support[n++] = j;
      }
    }
    if (n <= settings.maxAtoms()) {
      return n;
    }
    System.arraycopy(correlations, from, remaining, 0, k);
    n = settings.maxAtoms();
    for (int i = 0; i < n; i++) {
      support[i] = Kernels.argmaxAbs(remaining, 0, k);
      remaining[support[i]] = 0f;
    }
    Arrays.sort(support, 0, n);
    return n;
  }

  private int refit(AtomSet atoms, int n) {
    int most = Math.min(n, atoms.dimension());
    refitted.clear(most);
    for (int i = 0; i < n && refitted.size() < most; i++) {
      refitted.append(atoms.gram(), atoms.atomCount(), support[i], coefficients[i]);
    }
    refitted.solve();
    System.arraycopy(refitted.atoms(), 0, support, 0, refitted.size());
    System.arraycopy(refitted.coefficients(), 0, coefficients, 0, refitted.size());
    return refitted.size();
  }
}
