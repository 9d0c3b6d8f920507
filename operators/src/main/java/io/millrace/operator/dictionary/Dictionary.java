package io.millrace.operator.dictionary;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;

/**
 * An immutable dictionary of unit-norm atoms with the forms that coders read: atoms, their
 * transpose and their Gram matrix. An atom of zeros is dead: no coder ever selects it.
 *
 * <p>Memory 4 (2 k d + k^2) bytes; building it costs d k^2 flops. The arrays that the accessors
 * return are the dictionary's own and must not be modified. Safe for any number of threads.
 */
public final class Dictionary implements AtomSet {
  // Farther from 1 than float rounding of any unit vector, nearer than any unscaled atom should be.
  private static final double NORM_TOLERANCE = 1e-3;

  private final int atomCount;
  private final int dimension;
  private final float[] atoms;
  private final float[] columns;
  private final float[] gram;

  private Dictionary(float[] ownAtoms, int atomCount, int dimension, GemmScratch scratch) {
    this.atomCount = atomCount;
    this.dimension = dimension;
    this.atoms = ownAtoms;
    this.columns = new float[ownAtoms.length];
    this.gram = new float[atomCount * atomCount];
    Kernels.transpose(atoms, 0, columns, 0, atomCount, dimension);
    Kernels.gramAdd(atoms, 0, columns, 0, gram, 0, atomCount, dimension, scratch);
  }

  /**
   * Copies atoms that already have norm 1, or 0 for a dead one.
   *
   * @param atoms [k x d] row-major, an atom a row
   * @param atomCount k, at least 1
   * @param dimension d, at least 1
   * @throws IllegalArgumentException if the length is not k d or a norm is neither 0 nor within
   *     0.001 of 1
   */
  public static Dictionary of(float[] atoms, int atomCount, int dimension) {
    requireShape(atoms, atomCount, dimension);
    for (int j = 0; j < atomCount; j++) {
      double norm = norm(atoms, j * dimension, dimension);
      if (norm != 0 && !(Math.abs(norm - 1) <= NORM_TOLERANCE)) {
        throw new IllegalArgumentException(
            "norm of atom " + j + ": got " + norm + ", expected 1, or 0 for a dead atom");
      }
    }
    return new Dictionary(atoms.clone(), atomCount, dimension, new GemmScratch());
  }

  /**
   * Copies and divides each atom by its norm; a norm below 1e-12 makes a dead atom.
   *
   * @param atoms [k x d] row-major, an atom a row, finite
   * @param atomCount k, at least 1
   * @param dimension d, at least 1
   * @throws IllegalArgumentException if the length is not k d or an atom is not finite
   */
  public static Dictionary normalized(float[] atoms, int atomCount, int dimension) {
    requireShape(atoms, atomCount, dimension);
    float[] unit = new float[atoms.length];
    for (int j = 0; j < atomCount; j++) {
      int from = j * dimension;
      double norm = norm(atoms, from, dimension);
      if (!Double.isFinite(norm)) {
        throw new IllegalArgumentException("norm of atom " + j + ": got " + norm);
      }
      for (int i = from; i < from + dimension; i++) {
        unit[i] = norm < 1e-12 ? 0f : (float) (atoms[i] / norm);
      }
    }
    return new Dictionary(unit, atomCount, dimension, new GemmScratch());
  }

  /**
   * Keeps an array whose rows have norm 1 or 0, unchecked: for a learner that has just made them
   * so, once a round.
   */
  static Dictionary owning(float[] unitAtoms, int atomCount, int dimension, GemmScratch scratch) {
    return new Dictionary(unitAtoms, atomCount, dimension, scratch);
  }

  private static void requireShape(float[] atoms, int atomCount, int dimension) {
    if (atomCount < 1 || dimension < 1 || (long) atomCount * dimension != atoms.length) {
      throw new IllegalArgumentException(
          "atoms: got "
              + atoms.length
              + " values, expected "
              + atomCount
              + " x "
              + dimension
              + ", both at least 1");
    }
  }

  private static double norm(float[] values, int from, int length) {
    double sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += (double) values[i] * values[i];
    }
    return Math.sqrt(sum);
  }

  /** k. */
  @Override
  public int atomCount() {
    return atomCount;
  }

  /** d. */
  @Override
  public int dimension() {
    return dimension;
  }

  /** [k x d] row-major, an atom a row; not to be modified. */
  @Override
  public float[] atoms() {
    return atoms;
  }

  /** [d x k] row-major, an atom a column; not to be modified. */
  @Override
  public float[] columns() {
    return columns;
  }

  /** [k x k], symmetric to the bit; not to be modified. */
  @Override
  public float[] gram() {
    return gram;
  }

  /** 1, or 0 for a dead atom. */
  public float norm(int atom) {
    return gram[atom * atomCount + atom] > 0 ? 1f : 0f;
  }
}
