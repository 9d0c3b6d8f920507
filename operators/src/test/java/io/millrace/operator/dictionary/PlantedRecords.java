package io.millrace.operator.dictionary;

import java.util.Random;

/** Random unit atoms and records that are sparse in them, with noise. Deterministic by seed. */
final class PlantedRecords {
  private final Random random;
  private final int dimension;
  private final int sparsity;
  private final double noise;
  private final Dictionary dictionary;

  /**
   * @param noise standard deviation of the noise over that of the signal; 0.1 is 20 dB
   */
  PlantedRecords(int dimension, int atomCount, int sparsity, double noise, long seed) {
    this.random = new Random(seed);
    this.dimension = dimension;
    this.sparsity = sparsity;
    this.noise = noise;
    float[] atoms = new float[atomCount * dimension];
    for (int i = 0; i < atoms.length; i++) {
      atoms[i] = (float) random.nextGaussian();
    }
    this.dictionary = Dictionary.normalized(atoms, atomCount, dimension);
  }

  Dictionary dictionary() {
    return dictionary;
  }

  /** The next records, [count x d]. */
  float[] next(int count) {
    float[] records = new float[count * dimension];
    for (int r = 0; r < count; r++) {
      fill(records, r * dimension);
    }
    return records;
  }

  private void fill(float[] records, int from) {
    for (int s = 0; s < sparsity; s++) {
      int atom = random.nextInt(dictionary.atomCount()) * dimension;
      double coefficient = random.nextGaussian();
      for (int i = 0; i < dimension; i++) {
        records[from + i] += (float) (coefficient * dictionary.atoms()[atom + i]);
      }
    }
    double deviation = noise * Math.sqrt((double) sparsity / dimension);
    for (int i = 0; i < dimension; i++) {
      records[from + i] += (float) (deviation * random.nextGaussian());
    }
  }
}
