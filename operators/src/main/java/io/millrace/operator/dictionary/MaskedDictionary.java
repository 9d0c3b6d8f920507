package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * A dictionary cut to the observed components, its atoms brought back to unit norm. The Gram matrix
 * would cost d k^2 flops for every new mask, so its rows are made when an atom is first chosen, 2 d
 * k flops each, and kept while dictionary and mask stay the same. Memory 4 (2 k d + k^2) bytes, as
 * much as the dictionary's. One thread at a time.
 */
final class MaskedDictionary implements AtomSet {
  // Less than 1 % of its norm observed: the atom would be fitted to noise, and counts as dead.
  private static final double LEAST_ENERGY = 1e-4;

  private Dictionary whole;
  private float[] mask = new float[0];
  private int[] components = new int[0];
  private int observed;
  private double[] energies = new double[0];
  private float[] scales = new float[0];
  private float[] columns = new float[0];
  private float[] atoms = new float[0];
  private float[] gram = new float[0];
  private boolean[] prepared = new boolean[0];

  /** Cuts to a mask of [d]: 0 missing, anything else observed. */
  void fit(Dictionary dictionary, float[] newMask) {
    int d = dictionary.dimension();
    if (newMask.length != d) {
      throw new IllegalArgumentException(
          "mask: got " + newMask.length + " components, dictionary has " + d);
    }
    if (dictionary == whole && Arrays.equals(mask, newMask)) {
      return;
    }
    reserve(dictionary);
    whole = dictionary;
    System.arraycopy(newMask, 0, mask, 0, d);
    observed = 0;
    for (int i = 0; i < d; i++) {
      if (mask[i] != 0f) {
        components[observed++] = i;
      }
    }
    Arrays.fill(prepared, false);
    cut();
  }

  private void reserve(Dictionary dictionary) {
    int k = dictionary.atomCount();
    int d = dictionary.dimension();
    if (mask.length != d || scales.length != k) {
      mask = new float[d];
      components = new int[d];
      energies = new double[k];
      scales = new float[k];
      columns = new float[d * k];
      atoms = new float[d * k];
      gram = new float[k * k];
      prepared = new boolean[k];
    }
  }

  private void cut() {
    int k = scales.length;
    float[] wholeColumns = whole.columns();
    Arrays.fill(energies, 0);
    for (int i = 0; i < observed; i++) {
      int from = components[i] * k;
      for (int j = 0; j < k; j++) {
        double value = wholeColumns[from + j];
        energies[j] += value * value;
      }
    }
    for (int j = 0; j < k; j++) {
      scales[j] = energies[j] < LEAST_ENERGY ? 0f : (float) (1 / Math.sqrt(energies[j]));
    }
    for (int i = 0; i < observed; i++) {
      int from = components[i] * k;
      for (int j = 0; j < k; j++) {
        columns[i * k + j] = wholeColumns[from + j] * scales[j];
      }
    }
  }

  /** Copies the observed components of a record to the front of {@code out}. */
  void gather(float[] record, int from, float[] out) {
    for (int i = 0; i < observed; i++) {
      out[i] = record[from + components[i]];
    }
  }

  /** [k] Factor from a coefficient of the cut atom to one of the whole atom. */
  float[] scales() {
    return scales;
  }

  @Override
  public int atomCount() {
    return scales.length;
  }

  @Override
  public int dimension() {
    return observed;
  }

  @Override
  public float[] atoms() {
    return atoms;
  }

  @Override
  public float[] columns() {
    return columns;
  }

  @Override
  public float[] gram() {
    return gram;
  }

  @Override
  public void prepare(int atom) {
    if (prepared[atom]) {
      return;
    }
    int k = scales.length;
    int from = atom * observed;
    for (int i = 0; i < observed; i++) {
      atoms[from + i] = columns[i * k + atom];
    }
    Kernels.gemv(columns, 0, atoms, from, gram, atom * k, observed, k);
    prepared[atom] = true;
  }
}
