package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.kernel.RowMeans;
import java.util.Arrays;

/**
 * Means of groups of updates: what nearest-neighbour mixing and bucketing put in place of the
 * updates themselves. A reference row that shall stay is a group of itself.
 *
 * <p>Scratch of 512 bytes a row; one thread.
 */
final class Mixing {
  private final int rows;
  private final int[][] members;
  private final RowMeans means;

  /**
   * @param rows of the updates
   * @param members the rows of each mean, rising; kept, not copied
   * @throws IllegalArgumentException for an empty mean, a row twice, or one that is not there
   */
  Mixing(int rows, int[][] members) {
    this.rows = rows;
    this.members = members;
    this.means = new RowMeans(rows, members);
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
   * The means of a chunk in double, rounded to float once: {@link Kernels#means}.
   *
   * @param updates one array a row, each read from {@code from} on
   * @param out one array a mean, overwritten from 0 on
   */
  void apply(float[][] updates, int from, int length, float[][] out) {
    Kernels.means(means, updates, from, length, out, 0);
  }
}
