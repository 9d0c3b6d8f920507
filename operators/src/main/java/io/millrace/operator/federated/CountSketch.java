package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Count sketch (Charikar, Chen, Farach-Colton, 2002; for updates FetchSGD, Rothchild et al., 2020,
 * arXiv 2007.07682): in each of a few rows, every coordinate is added to a random cell with a
 * random sign; a coordinate is estimated by the median over rows. Finds the heavy coordinates of a
 * sum of updates, and the sum of sketches is the sketch of the sum.
 *
 * <p>4 rows cells bytes; rows d additions to pack, rows d log rows steps to unpack.
 *
 * @param rows 1 to 15, odd
 * @param cells of a row, at least 1; ten times the heavy coordinates wanted
 */
record CountSketch(int rows, int cells) implements LinearCodec {
  CountSketch {
    SettingCheck.range("rows of a sketch", rows, 1, 15);
    SettingCheck.range("cells of a row", cells, 1, 1 << 22);
    if (rows % 2 == 0) {
      throw new IllegalArgumentException(
          "rows of a sketch are " + rows + ", expected an odd number");
    }
  }

  @Override
  public int packedLength(int length) {
    return Math.multiplyExact(rows, cells);
  }

  @Override
  public float[] pack(float[] x, long seed) {
    double[] sums = new double[packedLength(x.length)];
    for (int row = 0; row < rows; row++) {
      long rowSeed = SeededBits.seed(seed, row);
      for (int i = 0; i < x.length; i++) {
        long bits = SeededBits.at(rowSeed, i);
        sums[row * cells + cell(bits)] += sign(bits) * x[i];
      }
    }
    return Vectors.floats(sums);
  }

  /** Estimates all coordinates; take the largest of them, the small ones are noise. */
  @Override
  public void unpack(double[] packed, long seed, double[] out) {
    if (packed.length != packedLength(out.length)) {
      throw new IllegalArgumentException(
          "sketch has " + packed.length + " cells, expected " + packedLength(out.length));
    }
    long[] rowSeeds = new long[rows];
    Arrays.setAll(rowSeeds, row -> SeededBits.seed(seed, row));
    double[] estimates = new double[rows];
    for (int i = 0; i < out.length; i++) {
      for (int row = 0; row < rows; row++) {
        long bits = SeededBits.at(rowSeeds[row], i);
        estimates[row] = sign(bits) * packed[row * cells + cell(bits)];
      }
      Arrays.sort(estimates);
      out[i] = estimates[rows / 2];
    }
  }

  private int cell(long bits) {
    return (int) ((bits >>> 32) * cells >>> 32);
  }

  private static double sign(long bits) {
    return (bits & 1) == 0 ? 1 : -1;
  }
}
