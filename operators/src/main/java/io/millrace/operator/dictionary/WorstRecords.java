package io.millrace.operator.dictionary;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The few worst explained records of a round, the worst first: candidates to replace an atom.
 *
 * <p>State: 4 (d + 1) {@value #CAPACITY} bytes. One thread.
 */
final class WorstRecords {
  /** Records kept at most. */
  static final int CAPACITY = 4;

  private final int dimension;
  private int count;
  private final float[] residualEnergy = new float[CAPACITY];
  private final float[] records;

  WorstRecords(int dimension) {
    this.dimension = dimension;
    this.records = new float[Math.multiplyExact(CAPACITY, dimension)];
  }

  /** Records kept. */
  int count() {
    return count;
  }

  /** Residual energy of one. */
  float residualEnergy(int index) {
    return residualEnergy[index];
  }

  /**
   * Copies one.
   *
   * @param to modified: d entries from {@code offset}
   */
  void copy(int index, float[] to, int offset) {
    System.arraycopy(records, index * dimension, to, offset, dimension);
  }

  /** Copies one, scaled to unit norm. */
  void copyUnit(int index, float[] to, int offset) {
    double square = 0;
    for (int i = index * dimension; i < (index + 1) * dimension; i++) {
      square += (double) records[i] * records[i];
    }
    double scale = 1 / Math.sqrt(square);
    for (int i = 0; i < dimension; i++) {
      to[offset + i] = (float) (records[index * dimension + i] * scale);
    }
  }

  /**
   * Keeps a record while it is among the worst.
   *
   * @param residual its residual energy; 0 is never kept
   * @param from array of the record, not retained
   * @param offset of the record's first entry
   */
  void offer(float residual, float[] from, int offset) {
    if (!(residual > residualEnergy[CAPACITY - 1])) {
      return;
    }
    // Strictly larger moves ahead: of equals the first stays first, so the order of offers decides.
    int place = count;
    while (place > 0 && residual > residualEnergy[place - 1]) {
      place--;
    }
    count = Math.min(count + 1, CAPACITY);
    int moved = count - 1 - place;
    System.arraycopy(residualEnergy, place, residualEnergy, place + 1, moved);
    System.arraycopy(
        records, place * dimension, records, (place + 1) * dimension, moved * dimension);
    residualEnergy[place] = residual;
    System.arraycopy(from, offset, records, place * dimension, dimension);
  }

  void add(WorstRecords other) {
    for (int index = 0; index < other.count; index++) {
      offer(other.residualEnergy[index], other.records, index * dimension);
    }
  }

  void clear() {
    count = 0;
    Arrays.fill(residualEnergy, 0);
  }

  int encodedBytes() {
    return Float.BYTES * count * (1 + dimension);
  }

  /** float[n] residual energies, float[n d] records; not n itself. */
  void encode(ByteBuffer buffer) {
    StateHeader.putFloats(buffer, residualEnergy, 0, count);
    StateHeader.putFloats(buffer, records, 0, count * dimension);
  }

  /**
   * Replaces the content by what {@link #encode} wrote of {@code stored} records.
   *
   * @throws IllegalArgumentException for missing bytes or energies that are not positive and
   *     falling
   */
  void decode(ByteBuffer buffer, int stored) {
    float[] energies = StateHeader.getFloats(buffer, stored);
    for (int index = 0; index < stored; index++) {
      float most = index == 0 ? Float.MAX_VALUE : energies[index - 1];
      if (!(energies[index] > 0 && energies[index] <= most)) {
        throw new IllegalArgumentException(
            "residual energy " + index + " of " + stored + " is " + energies[index]);
      }
    }
    float[] rows = StateHeader.getFloats(buffer, stored * dimension);
    clear();
    System.arraycopy(energies, 0, residualEnergy, 0, stored);
    System.arraycopy(rows, 0, records, 0, rows.length);
    count = stored;
  }
}
