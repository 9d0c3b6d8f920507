package io.millrace.app.bench;

import io.millrace.operator.dictionary.Dictionary;
import java.util.Arrays;
import java.util.Random;

/**
 * Records with a known dictionary: sums of few of its atoms with N(0, 1) coefficients, and white
 * noise of a hundredth of their mean energy (20 dB). The same seed gives the same records.
 */
final class PlantedRecords {
  private static final double NOISE_TO_SIGNAL = 0.01;

  private final int sparsity;
  private final Dictionary dictionary;
  private final Random random;

  private PlantedRecords(Dictionary dictionary, int sparsity, Random random) {
    this.dictionary = dictionary;
    this.sparsity = sparsity;
    this.random = random;
  }

  /** Random unit atoms. */
  static PlantedRecords of(Shape shape, long seed) {
    Random random = new Random(seed);
    int k = shape.atoms();
    int d = shape.dimension();
    float[] atoms = new float[k * d];
    for (int i = 0; i < atoms.length; i++) {
      atoms[i] = (float) random.nextGaussian();
    }
    if (shape.orthonormal()) {
      orthonormalize(atoms, d);
    }
    Dictionary dictionary = Dictionary.normalized(atoms, k, d);
    return new PlantedRecords(dictionary, shape.plantedAtoms(), random);
  }

  /** Gram-Schmidt, each row against those before it. */
  private static void orthonormalize(float[] rows, int d) {
    for (int i = 0; i < rows.length; i += d) {
      for (int j = 0; j < i; j += d) {
        double share = inner(rows, i, j, d);
        for (int c = 0; c < d; c++) {
          rows[i + c] -= (float) (share * rows[j + c]);
        }
      }
      double norm = Math.sqrt(inner(rows, i, i, d));
      for (int c = 0; c < d; c++) {
        rows[i + c] = (float) (rows[i + c] / norm);
      }
    }
  }

  private static double inner(float[] rows, int a, int b, int d) {
    double sum = 0;
    for (int c = 0; c < d; c++) {
      sum += (double) rows[a + c] * rows[b + c];
    }
    return sum;
  }

  /** The planted dictionary. */
  Dictionary dictionary() {
    return dictionary;
  }

  /** The next records, [count x d] row-major. */
  float[] next(int count) {
    int d = dictionary.dimension();
    float[] records = new float[count * d];
    double deviation = Math.sqrt(NOISE_TO_SIGNAL * sparsity / d);
    for (int i = 0; i < records.length; i++) {
      records[i] = (float) (deviation * random.nextGaussian());
    }
    int[] chosen = new int[sparsity];
    for (int r = 0; r < count; r++) {
      for (int s = 0; s < sparsity; s++) {
        chosen[s] = anyBut(chosen, s);
        double coefficient = random.nextGaussian();
        for (int i = 0; i < d; i++) {
          records[r * d + i] += (float) (coefficient * dictionary.atoms()[chosen[s] * d + i]);
        }
      }
    }
    return records;
  }

  private int anyBut(int[] taken, int count) {
    int atom = random.nextInt(dictionary.atomCount());
    int candidate = atom;
    return Arrays.stream(taken, 0, count).anyMatch(t -> t == candidate)
        ? anyBut(taken, count)
        : atom;
  }
}
