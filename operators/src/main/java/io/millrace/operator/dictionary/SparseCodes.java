package io.millrace.operator.dictionary;

import java.util.Arrays;

/**
 * Sparse codes of consecutive records in compressed rows. Grows as needed and is meant to be
 * cleared and filled again, so that steady coding allocates nothing. One thread at a time.
 *
 * <p>The entries of record r are at positions start(r) inclusive to start(r+1) exclusive of {@link
 * #atoms} and {@link #values}, in the order in which the coder chose them. Both arrays belong to
 * this object, must not be modified and may be replaced by the next append.
 */
public final class SparseCodes {
  private int count;
  private int[] start = new int[65];
  private int[] atoms = new int[512];
  private float[] values = new float[512];
  private float[] energy = new float[64];
  private float[] residualEnergy = new float[64];

  /** Forgets all records, keeps the memory. */
  public void clear() {
    count = 0;
  }

  /** Records held. */
  public int count() {
    return count;
  }

  /** Entries of all records together. */
  public int entryCount() {
    return start[count];
  }

  /**
   * Position of the first entry of a record.
   *
   * @param record 0 to count(), the latter giving the end
   */
  public int start(int record) {
    return start[record];
  }

  /** Atom of each entry. */
  public int[] atoms() {
    return atoms;
  }

  /** Coefficient of each entry. */
  public float[] values() {
    return values;
  }

  /** Squared norm of the record, over observed components. */
  public float energy(int record) {
    return energy[record];
  }

  /** Squared norm of record minus reconstruction, over observed components. */
  public float residualEnergy(int record) {
    return residualEnergy[record];
  }

  /**
   * Adds one record.
   *
   * @param entryAtoms first {@code entryCount} read
   * @param entryValues first {@code entryCount} read
   */
  public void append(
      int[] entryAtoms,
      float[] entryValues,
      int entryCount,
      float recordEnergy,
      float recordResidualEnergy) {
    int from = start[count];
    reserve(from + entryCount);
    System.arraycopy(entryAtoms, 0, atoms, from, entryCount);
    System.arraycopy(entryValues, 0, values, from, entryCount);
    energy[count] = recordEnergy;
    residualEnergy[count] = recordResidualEnergy;
    start[++count] = from + entryCount;
  }

  /** Multiplies the entries of the last record by their atoms' factors. */
  void scaleLast(float[] factors) {
    for (int i = start[count - 1]; i < start[count]; i++) {
      values[i] *= factors[atoms[i]];
    }
  }

  private void reserve(int entries) {
    if (count == energy.length) {
      energy = Arrays.copyOf(energy, 2 * count);
      residualEnergy = Arrays.copyOf(residualEnergy, 2 * count);
      start = Arrays.copyOf(start, 2 * count + 1);
    }
    if (entries > atoms.length) {
      int length = Math.max(entries, 2 * atoms.length);
      atoms = Arrays.copyOf(atoms, length);
      values = Arrays.copyOf(values, length);
    }
  }
}
