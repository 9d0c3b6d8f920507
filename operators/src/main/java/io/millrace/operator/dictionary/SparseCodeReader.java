package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import io.millrace.schema.SparseCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * The reference decoder of {@link SparseCode}: what a consumer computes, and what the writer checks
 * its error bound against, bit for bit. Not thread-safe: holds scratch.
 */
public final class SparseCodeReader {
  private float[] normalised = new float[0];

  /**
   * Restores a window.
   *
   * @param code not modified
   * @param atoms [k x d] row-major, the atoms of {@code code.dictionaryVersion}; not modified
   * @param atomCount k
   * @return [C x L] in the sensor's units, channel by channel; at missing positions the
   *     dictionary's guess, or 0 in a raw block. Where the code carries an error bound, every
   *     observed value is within it
   * @throws IllegalArgumentException where the code does not fit the dictionary or itself
   */
  public float[] decode(SparseCode code, float[] atoms, int atomCount) {
    int channels = code.getMean().size();
    int length = code.getLength();
    long dimension = (long) channels * length;
    if (channels < 1
        || length < 1
        || dimension > WindowSettings.MAXIMUM_DIMENSION
        || code.getScale().size() != channels
        || (!code.getErrorBound().isEmpty() && code.getErrorBound().size() != channels)) {
      throw new IllegalArgumentException(
          "code has "
              + channels
              + " means, "
              + code.getScale().size()
              + " scales, "
              + code.getErrorBound().size()
              + " error bounds, length "
              + length);
    }
    float[] restored = new float[(int) dimension];
    ByteBuffer raw = code.getRaw();
    if (raw != null) {
      if (raw.remaining() != dimension * Float.BYTES) {
        throw new IllegalArgumentException(
            "raw block has " + raw.remaining() + " bytes, expected " + dimension * Float.BYTES);
      }
      raw.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(restored);
      return restored;
    }
    addAtoms(code, atoms, atomCount, (int) dimension);
    for (int channel = 0; channel < channels; channel++) {
      float mean = code.getMean().get(channel);
      float scale = code.getScale().get(channel);
      for (int p = channel * length; p < (channel + 1) * length; p++) {
        restored[p] = Math.fma(scale, normalised[p], mean);
      }
    }
    addCorrections(code, restored, length);
    return restored;
  }

  /** Unit of corrections: 2 x bound x 127/128, a little under, so that rounding stays inside. */
  static float correctionStep(float errorBound) {
    return 2f * errorBound * (127f / 128f);
  }

  private void addAtoms(SparseCode code, float[] atoms, int atomCount, int dimension) {
    List<Integer> gaps = code.getAtoms();
    if (gaps.size() != code.getCoefficients().size()
        || atoms.length < (long) atomCount * dimension) {
      throw new IllegalArgumentException(
          "code has "
              + gaps.size()
              + " atoms and "
              + code.getCoefficients().size()
              + " coefficients for a dictionary of "
              + atoms.length
              + " values");
    }
    if (normalised.length != dimension) {
      normalised = new float[dimension];
    }
    Arrays.fill(normalised, 0f);
    int atom = 0;
    for (int i = 0; i < gaps.size(); i++) {
      int gap = gaps.get(i);
      atom += gap;
      if (gap < (i == 0 ? 0 : 1) || atom < 0 || atom >= atomCount) {
        throw new IllegalArgumentException(
            "code names atom " + atom + " of " + atomCount + ", " + gap + " after the one before");
      }
      float coefficient = code.getCoefficients().get(i) * code.getCoefficientStep();
      Kernels.axpy(coefficient, atoms, atom * dimension, normalised, 0, dimension);
    }
  }

  private static void addCorrections(SparseCode code, float[] restored, int length) {
    List<Integer> exceptions = code.getExceptions();
    if (exceptions.size() % 2 != 0
        || !exceptions.isEmpty() && code.getErrorBound().size() != code.getMean().size()) {
      throw new IllegalArgumentException(
          "code has "
              + exceptions.size()
              + " exception entries and "
              + code.getErrorBound().size()
              + " bounds for "
              + code.getMean().size()
              + " channels");
    }
    int position = -1;
    for (int i = 0; i < exceptions.size(); i += 2) {
      int gap = exceptions.get(i);
      position += gap;
      if (gap < 1 || position < 0 || position >= restored.length) {
        throw new IllegalArgumentException(
            "exception at " + position + " of " + restored.length + ", " + gap + " after the last");
      }
      float step = correctionStep(code.getErrorBound().get(position / length));
      restored[position] += exceptions.get(i + 1) * step;
    }
  }
}
