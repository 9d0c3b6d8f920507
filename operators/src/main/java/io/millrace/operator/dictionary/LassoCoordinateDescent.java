package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * Lasso, min over z of 1/2 |x - Dz|^2 + lambda |z|_1, by cyclic coordinate descent on the Gram
 * matrix with sweeps over the active atoms (Friedman, Hastie, Tibshirani, "Regularization paths for
 * generalized linear models via coordinate descent", 2010), then refined.
 *
 * <p>Float sweeps find the active atoms but stall some ten roundings of |x| away from the optimum.
 * The refinement therefore recomputes residual and gradient from the atoms in double, takes in any
 * atom that violates the optimality conditions, and descends on the few active atoms in double,
 * until no condition is violated by more than 1e-6 lambda: |d_j'(x - Dz)| = lambda where z_j is not
 * 0, at most lambda elsewhere. Rounding z to float then adds up to one unit in the last place of
 * the largest coefficients, which is more than 1e-6 lambda where they exceed about 10 lambda.
 *
 * <p>A record of zeros has the empty code; of duplicate atoms one carries the weight; dead atoms
 * are never used. Entries are in the order in which atoms became active.
 *
 * <p>Cost per record 2dk flops, 2k for each coefficient moved, and for each refinement (two or
 * three) 2dk + 4ds and s^2 per sweep, s active atoms; scratch 4 (67k + d) + 8 (d + 2k) bytes.
 */
public final class LassoCoordinateDescent extends CorrelatedCoder {
  /** Largest violation of an optimality condition, in lambda. Half of what is promised. */
  private static final double TOLERANCE = 5e-7;

  // Where the float sweeps hand over to the refinement.
  private static final float COARSE = 1e-3f;
  private static final int MAX_REFINEMENTS = 20;

  /**
   * @param lambda weight of |z|_1, above 0; with {@code relative} a share of max |D'x|, below 1
   * @param relative whether lambda is relative to each record
   * @param maxSweeps bound on the sweeps of each stage, at least 1
   */
  public record Settings(float lambda, boolean relative, int maxSweeps) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Settings {
      if (!(lambda > 0 && lambda < (relative ? 1f : Float.POSITIVE_INFINITY))) {
        throw new IllegalArgumentException(
            "lambda: got " + lambda + ", expected above 0" + (relative ? " and below 1" : ""));
      }
      if (maxSweeps < 1) {
        throw new IllegalArgumentException("maxSweeps: got " + maxSweeps + ", expected at least 1");
      }
    }

    /** An absolute lambda and at most 1000 sweeps. */
    public static Settings absolute(float lambda) {
      return new Settings(lambda, false, 1000);
    }
  }

  private final Settings settings;
  private final ActiveAtoms active = new ActiveAtoms();
  private float[] rho = new float[0]; // gradient D'(x - Dz)
  private float[] z = new float[0];
  private float[] residual = new float[0];

  public LassoCoordinateDescent(Settings settings) {
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
    int k = atoms.atomCount();
    int d = atoms.dimension();
    reserve(k, d);
    float lambda = settings.lambda();
    if (settings.relative()) {
      int best = Kernels.argmaxAbs(correlations, correlationsFrom, k);
      lambda *= Math.abs(correlations[correlationsFrom + best]);
    }
    active.clear(atoms);
    if (lambda > 0) { // a relative one is 0 for a record of zeros
      System.arraycopy(correlations, correlationsFrom, rho, 0, k);
      Arrays.fill(z, 0, k, 0f);
      sweep(atoms, lambda);
      active.start(z);
      refine(atoms, record, recordFrom, lambda);
    }
    active.residual(record, recordFrom, residual);
    float energy = Kernels.dot(record, recordFrom, record, recordFrom, d);
    float residualEnergy = Kernels.dot(residual, 0, residual, 0, d);
    int n = active.compact();
    out.append(active.atoms(), active.coefficients(), n, energy, residualEnergy);
  }

  private void reserve(int k, int d) {
    if (rho.length < k) {
      rho = new float[k];
      z = new float[k];
    }
    if (residual.length < d) {
      residual = new float[d];
    }
  }

  /** Float descent: all atoms, then the active ones until they rest, until all rest. */
  private void sweep(AtomSet atoms, float lambda) {
    float coarse = COARSE * lambda;
    for (int sweeps = 0; sweeps < settings.maxSweeps(); sweeps++) {
      float change = 0f;
      for (int j = 0; j < atoms.atomCount(); j++) {
        if (z[j] != 0f || Math.abs(rho[j]) > lambda) {
          active.add(j);
          change = Math.max(change, move(atoms, j, lambda));
        }
      }
      if (change <= coarse) {
        return;
      }
      while (change > coarse && ++sweeps < settings.maxSweeps()) {
        change = 0f;
        for (int i = 0; i < active.size(); i++) {
          change = Math.max(change, move(atoms, active.atoms()[i], lambda));
        }
      }
    }
  }

  /** Minimises over one coefficient and returns how far it moved. */
  private float move(AtomSet atoms, int j, float lambda) {
    int k = atoms.atomCount();
    float[] gram = atoms.gram();
    float energy = gram[j * k + j];
    float pull = Math.fma(energy, z[j], rho[j]);
    float shrunk = pull > lambda ? pull - lambda : pull < -lambda ? pull + lambda : 0f;
    float next = shrunk / energy;
    float step = next - z[j];
    if (step == 0f) {
      return 0f;
    }
    z[j] = next;
    Kernels.axpy(-step, gram, j * k, rho, 0, k);
    return Math.abs(step);
  }

  private void refine(AtomSet atoms, float[] record, int recordFrom, float lambda) {
    int k = atoms.atomCount();
    int d = atoms.dimension();
    for (int round = 0; round < MAX_REFINEMENTS; round++) {
      active.residual(record, recordFrom, residual);
      Kernels.gemv(atoms.columns(), 0, residual, 0, rho, 0, d, k);
      // Float rounding of the gradient may hide a violation: what comes near is looked at in
      // double.
      float norm = (float) Math.sqrt(Kernels.dot(residual, 0, residual, 0, d));
      float near = Math.max(0f, lambda * (1 - 1e-4f) - 1e-6f * norm);
      for (int j = 0; j < k; j++) {
        if (Math.abs(rho[j]) > near) {
          active.add(j);
        }
      }
      if (active.violation(lambda) <= TOLERANCE * lambda) {
        return;
      }
      active.descend(lambda, TOLERANCE * lambda, settings.maxSweeps());
    }
  }
}
