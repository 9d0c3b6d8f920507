package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * Means of groups of updates: what nearest-neighbour mixing and bucketing put in place of the
 * updates themselves. A reference row that shall stay is a group of itself.
 *
 * <p>One block of scratch; one thread.
 */
final class Mixing {
  private static final int COLUMNS = 128;

  private final int rows;
  private final int[][] members;
  private final double[] sums = new double[COLUMNS];

  /**
   * @param rows of the updates
   * @param members the rows of each mean, rising; kept, not copied
   * @throws IllegalArgumentException for an empty mean or a row that is not there
   */
  Mixing(int rows, int[][] members) {
    for (int[] group : members) {
      if (group.length == 0) {
        throw new IllegalArgumentException("mean of no rows");
      }
      for (int row : group) {
        if (row < 0 || row >= rows) {
          throw new IllegalArgumentException("mean of row " + row + " of " + rows);
        }
      }
    }
    this.rows = rows;
    this.members = members;
  }

  /** How many means. */
  int size() {
    return members.length;
  }

  /** The rows of mean i. */
  int[] members(int i) {
    return members[i];
  }

  /** The same means and one more row behind all others, which stays itself. */
  Mixing withReference() {
    int[][] extended = Arrays.copyOf(members, members.length + 1);
    extended[members.length] = new int[] {rows};
    return new Mixing(rows + 1, extended);
  }

  /**
   * Weights of the updates behind weights of the means.
   *
   * @param weights [size]
   * @return [rows]
   */
  double[] unmixed(double[] weights) {
    double[] unmixed = new double[rows];
    for (int i = 0; i < members.length; i++) {
      for (int row : members[i]) {
        unmixed[row] += weights[i] / members[i].length;
      }
    }
    return unmixed;
  }

  /**
   * The means of a chunk, each summed in double in the order of its members and rounded to float
   * once.
   *
   * @param updates one array a row, each read from {@code from} on
   * @param out one array a mean, overwritten from 0 on
   */
  void apply(float[][] updates, int from, int length, float[][] out) {
    for (int block = 0; block < length; block += COLUMNS) {
      int columns = Math.min(COLUMNS, length - block);
      for (int i = 0; i < members.length; i++) {
        Kernels.sumRows(updates, members[i], from + block, columns, sums);
        double count = members[i].length;
        float[] mean = out[i];
        for (int c = 0; c < columns; c++) {
          mean[block + c] = (float) (sums[c] / count);
        }
      }
    }
  }
}
