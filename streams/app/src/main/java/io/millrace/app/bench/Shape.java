package io.millrace.app.bench;

/**
 * Sizes of a benchmark: d, k, the atoms planted in each record, the nonzeros s that coders are to
 * find, and the lasso's weight that gives about s of them.
 */
public enum Shape {
  /** A typical sensor window. */
  A(64, 128, 5, 5, 0.12f, false),
  /** The same window, more atoms. */
  B(64, 256, 5, 8, 0.087f, false),
  /** Long windows or many channels. */
  C(256, 1024, 16, 16, 0.121f, false),
  /** An orthonormal dictionary, where thresholding is exact and Frank-Wolfe learns. */
  ORTHONORMAL(64, 64, 5, 5, 0.078f, true);

  private final int dimension;
  private final int atoms;
  private final int plantedAtoms;
  private final int nonzeros;
  private final float lambda;
  private final boolean orthonormal;

  Shape(
      int dimension, int atoms, int plantedAtoms, int nonzeros, float lambda, boolean orthonormal) {
    this.dimension = dimension;
    this.atoms = atoms;
    this.plantedAtoms = plantedAtoms;
    this.nonzeros = nonzeros;
    this.lambda = lambda;
    this.orthonormal = orthonormal;
  }

  int dimension() {
    return dimension;
  }

  int atoms() {
    return atoms;
  }

  int plantedAtoms() {
    return plantedAtoms;
  }

  int nonzeros() {
    return nonzeros;
  }

  float lambda() {
    return lambda;
  }

  boolean orthonormal() {
    return orthonormal;
  }

  /** For the table, as in "A 64x128 s5". */
  String label() {
    String name = orthonormal ? "" : name() + " ";
    return name + dimension + "x" + atoms + " s" + nonzeros;
  }
}
