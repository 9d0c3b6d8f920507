package io.millrace.app.dashboard;

import io.millrace.schema.SparseCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/** The one place where the page turns a sparse code back into a signal. */
final class WindowReconstruction {
  private WindowReconstruction() {}

  /**
   * @param code of one window, C channels x L steps
   * @param atoms [k x d] row-major, d = L x C; not used by a code with raw values
   * @return [C x L] channel-major, sensor units; empty where the code does not fit the dictionary
   */
  static Optional<float[]> decode(SparseCode code, float[] atoms) {
    int channels = code.getMean().size();
    int length = code.getLength();
    int dimension = channels * length;
    if (code.getRaw() != null) {
      return raw(code.getRaw(), dimension);
    }
    if (dimension < 1
        || atoms.length % dimension != 0
        || code.getScale().size() != channels
        || code.getCoefficients().size() != code.getAtoms().size()) {
      return Optional.empty();
    }
    float[] window = new float[dimension];
    int atom = 0;
    for (int j = 0; j < code.getAtoms().size(); j++) {
      atom += code.getAtoms().get(j);
      if (atom < 0 || atom >= atoms.length / dimension) {
        return Optional.empty();
      }
      float coefficient = code.getCoefficients().get(j) * code.getCoefficientStep();
      for (int p = 0; p < dimension; p++) {
        window[p] = Math.fma(coefficient, atoms[atom * dimension + p], window[p]);
      }
    }
    for (int p = 0; p < dimension; p++) {
      int channel = p / length;
      window[p] = code.getMean().get(channel) + code.getScale().get(channel) * window[p];
    }
    correct(window, code.getExceptions(), code.getErrorBound(), length);
    return Optional.of(window);
  }

  private static Optional<float[]> raw(ByteBuffer raw, int dimension) {
    if (raw.remaining() != 4L * dimension) {
      return Optional.empty();
    }
    float[] window = new float[dimension];
    raw.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(window);
    return Optional.of(window);
  }

  private static void correct(
      float[] window, List<Integer> exceptions, List<Float> errorBound, int length) {
    int position = -1;
    for (int i = 0; i + 1 < exceptions.size(); i += 2) {
      position += exceptions.get(i);
      if (position < 0 || position >= window.length || position / length >= errorBound.size()) {
        return;
      }
      window[position] +=
          exceptions.get(i + 1) * (2f * errorBound.get(position / length) * (127f / 128f));
    }
  }
}
