package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;

/**
 * Orthogonal matching pursuit on the Gram matrix: takes the atom that correlates most with the
 * residual, refits all coefficients, and repeats (Pati, Rezaiifar, Krishnaprasad 1993; in Gram
 * form: Rubinstein, Zibulevsky, Elad 2008). The correlations follow by {@link
 * ProgressiveProjection}; coefficients and the residual itself are formed only at the end, and to
 * test a small error.
 *
 * <p>Stops at the settings' limit, at their error, at min(k, d) atoms, when no atom correlates with
 * the residual beyond float precision, or when the best one depends on those chosen: a record of
 * zeros, duplicate and dead atoms, or more atoms than rank give short codes and never NaN. Entries
 * are in the order of choice; of equal correlations the atom with the smaller index wins.
 *
 * <p>Cost per record 2dk + ks(s+1) + 2s^2 flops for s atoms; scratch 4 (65k + sk + s^2 + d) bytes.
 */
public final class BatchOrthogonalMatchingPursuit extends CorrelatedCoder {
  // A correlation below this share of the record's norm is rounding of D'x.
  private static final double ROUNDING = 1e-6;
  // Below this share of the energy, energy minus gains has lost its digits: form the residual.
  private static final double CANCELLED = 1e-4;

  /**
   * When to stop, whichever comes first.
   *
   * @param maxAtoms s, at least 1
   * @param relativeError stop when |residual| is at most this times |record|; 0 for never
   * @param absoluteError stop when |residual| is at most this; 0 for never
   */
  public record Settings(int maxAtoms, float relativeError, float absoluteError) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Settings {
      if (maxAtoms < 1) {
        throw new IllegalArgumentException("maxAtoms: got " + maxAtoms + ", expected at least 1");
      }
      if (!(relativeError >= 0 && relativeError < 1)) {
        throw new IllegalArgumentException(
            "relativeError: got " + relativeError + ", expected from 0 to below 1");
      }
      if (!(absoluteError >= 0 && absoluteError < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "absoluteError: got " + absoluteError + ", expected at least 0");
      }
    }

    /** As many as {@code maxAtoms}, whatever the error. */
    public static Settings atoms(int maxAtoms) {
      return new Settings(maxAtoms, 0f, 0f);
    }
  }

  private final Settings settings;
  private final ProgressiveProjection chosen = new ProgressiveProjection();
  private float[] alpha = new float[0];
  private float[] residual = new float[0];

  public BatchOrthogonalMatchingPursuit(Settings settings) {
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
    int d = atoms.dimension();
    if (residual.length < d || alpha.length < atoms.atomCount()) {
      residual = new float[d];
      alpha = new float[atoms.atomCount()];
    }
    float energy = Kernels.dot(record, recordFrom, record, recordFrom, d);
    pursue(atoms, correlations, correlationsFrom, record, recordFrom, energy);
    float residualEnergy = residualEnergy(atoms, record, recordFrom);
    out.append(chosen.atoms(), chosen.coefficients(), chosen.size(), energy, residualEnergy);
  }

  private void pursue(
      AtomSet atoms,
      float[] correlations,
      int correlationsFrom,
      float[] record,
      int recordFrom,
      float energy) {
    int k = atoms.atomCount();
    int most = Math.min(settings.maxAtoms(), Math.min(k, atoms.dimension()));
    double target = target(energy);
    double floor = ROUNDING * Math.sqrt(energy);
    double rest = energy;
    chosen.clear(most, k);
    System.arraycopy(correlations, correlationsFrom, alpha, 0, k);
    while (rest > target) {
      int best = Kernels.argmaxAbs(alpha, 0, k);
      if (!(Math.abs(alpha[best]) > floor)) {
        return;
      }
      atoms.prepare(best);
      if (!chosen.append(atoms.gram(), k, best, alpha[best])) {
        return;
      }
      if (chosen.size() == most) {
        return;
      }
      rest -= chosen.lastGain();
      if (target >= 0 && rest < CANCELLED * energy) {
        rest = residualEnergy(atoms, record, recordFrom);
      }
      chosen.project(atoms.gram(), k, alpha);
    }
  }

  /** The residual energy to stop at. */
  private double target(float energy) {
    double relative = settings.relativeError();
    double absolute = settings.absoluteError();
    return relative == 0 && absolute == 0
        ? Double.NEGATIVE_INFINITY
        : Math.max(relative * relative * energy, absolute * absolute);
  }

  /** Solves for the coefficients and forms the residual. */
  private float residualEnergy(AtomSet atoms, float[] record, int recordFrom) {
    chosen.solve();
    int d = atoms.dimension();
    Kernels.subtractRows(
        record,
        recordFrom,
        chosen.coefficients(),
        chosen.atoms(),
        chosen.size(),
        atoms.atoms(),
        d,
        residual,
        0);
    return Kernels.dot(residual, 0, residual, 0, d);
  }
}
