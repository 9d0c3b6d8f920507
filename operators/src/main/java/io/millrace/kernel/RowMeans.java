package io.millrace.kernel;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Means of groups of rows of a matrix, for {@link Kernels#means}. Rows are taken four at a time, 0
 * to 3, 4 to 7 and so on: the sums of all subsets of four are few, and a mean of half of all rows
 * reads one of them for four rows (the method of four Russians: Arlazarov, Dinic, Kronrod,
 * Faradzhev, 1970).
 *
 * <p>A mean costs an addition for every four rows it has a part of, and all means together 11
 * additions for every four rows. Holds the scratch, 512 bytes a row; belongs to one thread at a
 * time.
 */
public final class RowMeans {
  /** Rows whose subsets are summed together. Part of the definition of the bits. */
  static final int FOUR = 4;

  /** Subsets of four rows. */
  static final int SUBSETS = 1 << FOUR;

  /** Columns of one pass at most: vectors of floats have no more lanes. */
  static final int LANES = 16;

  private final int rows;
  private final int[] counts;
  private final int[][] subsets;
  private double[] table = new double[0];

  /**
   * @param rows of the matrix, at least 1
   * @param members the rows of each mean, each once
   * @throws IllegalArgumentException for a mean of no rows, of one twice, or of one that is not
   *     there
   */
  public RowMeans(int rows, int[][] members) {
    this.rows = rows;
    this.counts = Arrays.stream(members).mapToInt(group -> group.length).toArray();
    this.subsets = new int[members.length][];
    for (int mean = 0; mean < members.length; mean++) {
      subsets[mean] = subsets(members[mean]);
    }
  }

  private int[] subsets(int[] members) {
    int[] masks = new int[(rows + FOUR - 1) / FOUR];
    for (int row : members) {
      if (row < 0 || row >= rows || (masks[row / FOUR] & 1 << row % FOUR) != 0) {
        throw new IllegalArgumentException(
            "mean of row " + row + " of " + rows + ", or of one row twice");
      }
      masks[row / FOUR] |= 1 << row % FOUR;
    }
    if (members.length == 0) {
      throw new IllegalArgumentException("mean of no rows");
    }
    return IntStream.range(0, masks.length)
        .filter(four -> masks[four] != 0)
        .map(four -> four * SUBSETS + masks[four])
        .toArray();
  }

  /** Rows of the matrix. */
  public int rows() {
    return rows;
  }

  /** How many means. */
  public int size() {
    return counts.length;
  }

  /** Places in the table, in units of a pass, that add up to a mean: at least one, rising. */
  int[] places(int mean) {
    return subsets[mean];
  }

  /** What a row counts in a mean: the nearest double to 1 / rows. */
  double share(int mean) {
    return 1.0 / counts[mean];
  }

  /** Sums of subsets: [fours x SUBSETS x columns of a pass]. */
  double[] table() {
    if (table.length == 0) {
      table = new double[(rows + FOUR - 1) / FOUR * SUBSETS * LANES];
    }
    return table;
  }
}
