package io.millrace.operator.dictionary;

/**
 * The built-in version 0 of every dictionary: sampled cosines, each on one channel. For k = d the
 * orthonormal DCT-II of each channel; else the frequencies are spread evenly, without the constant,
 * which windows do not have.
 */
public final class Cosines {
  private Cosines() {}

  /**
   * @return [k x d] row-major, unit norm, d = channels x length; atom j lives on channel j mod C
   */
  public static float[] atoms(int atomCount, int channels, int length) {
    int dimension = channels * length;
    float[] atoms = new float[atomCount * dimension];
    for (int atom = 0; atom < atomCount; atom++) {
      int channel = atom % channels;
      int index = atom / channels;
      int perChannel = (atomCount - channel + channels - 1) / channels;
      double frequency =
          atomCount == dimension ? index : (index + 0.5) * length / Math.max(1, perChannel);
      double[] wave = new double[length];
      double energy = 0;
      for (int step = 0; step < length; step++) {
        wave[step] = StrictMath.cos(Math.PI * (step + 0.5) * frequency / length);
        energy += wave[step] * wave[step];
      }
      double norm = Math.sqrt(energy);
      int row = atom * dimension + channel * length;
      for (int step = 0; step < length; step++) {
        atoms[row + step] = (float) (wave[step] / norm);
      }
    }
    return atoms;
  }
}
