package io.millrace.operator.dictionary;

import java.util.Random;

/**
 * Records with a known dictionary: x = sum of s random atoms with N(0, 1) values + white noise, so
 * that the noise has 10^(-snr/10) of the signal's energy on average. Atoms are N(0, 1), unit norm.
 */
final class PlantedStream {
  final int dimension;
  final int atomCount;
  final float[] truth;
  private final int sparsity;
  private final double noise;
  private final Random random;

  PlantedStream(int dimension, int atomCount, int sparsity, double snrDecibel, long seed) {
    this.dimension = dimension;
    this.atomCount = atomCount;
    this.sparsity = sparsity;
    this.noise = Math.sqrt(sparsity * Math.pow(10, -snrDecibel / 10) / dimension);
    this.random = new Random(seed);
    this.truth = new float[atomCount * dimension];
    replaceAtoms(0, atomCount);
  }

  /** Draws new true atoms. */
  void replaceAtoms(int first, int count) {
    for (int j = first; j < first + count; j++) {
      double square = 0;
      for (int i = 0; i < dimension; i++) {
        float value = (float) random.nextGaussian();
        truth[j * dimension + i] = value;
        square += (double) value * value;
      }
      for (int i = 0; i < dimension; i++) {
        truth[j * dimension + i] /= (float) Math.sqrt(square);
      }
    }
  }

  /** The next records, [count x d]. */
  float[] next(int count) {
    float[] records = new float[count * dimension];
    int[] order = new int[atomCount];
    for (int j = 0; j < atomCount; j++) {
      order[j] = j;
    }
    for (int r = 0; r < count; r++) {
      for (int e = 0; e < sparsity; e++) {
        int other = e + random.nextInt(atomCount - e);
        int atom = order[other];
        order[other] = order[e];
        order[e] = atom;
        double value = random.nextGaussian();
        for (int i = 0; i < dimension; i++) {
          records[r * dimension + i] += (float) (value * truth[atom * dimension + i]);
        }
      }
      for (int i = 0; i < dimension; i++) {
        records[r * dimension + i] += (float) (noise * random.nextGaussian());
      }
    }
    return records;
  }

  /** Share of true atoms that some learned atom meets at |cosine| above 0.99. */
  double recovered(Dictionary dictionary) {
    float[] learned = dictionary.atoms();
    int found = 0;
    for (int j = 0; j < atomCount; j++) {
      double best = 0;
      for (int l = 0; l < dictionary.atomCount(); l++) {
        double product = 0;
        for (int i = 0; i < dimension; i++) {
          product += (double) truth[j * dimension + i] * learned[l * dimension + i];
        }
        best = Math.max(best, Math.abs(product));
      }
      found += best > 0.99 ? 1 : 0;
    }
    return (double) found / atomCount;
  }
}
