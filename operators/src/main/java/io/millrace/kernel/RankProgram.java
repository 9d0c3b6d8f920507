package io.millrace.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How vectors of columns are ranked: sixteen rows at a time are sorted in registers ({@link
 * SimdSort16}), and runs of rows merged two by two by Batcher's bitonic network (1968), which is
 * regular, so that a row is loaded and stored once for two to five comparators: loads and stores
 * that cross cache lines, as all of Java's arrays do, cost more than comparators. All comparators
 * put the higher word into the higher row.
 *
 * <pre>
 * merge 16 + 16    row i with row 31 - i, the lower 16 sorted in the same go, then the higher 16
 * merge of more    row i with row n - 1 - i and then with row i + n/4, four rows at a time; runs of
 *                  n/4 rows are bitonic then: halved down to 16, which are sorted in registers
 * one or two ranks of the last merge, k and k + 1 (A and B sorted, n/2 rows each, i + j = k):
 *                  max over i of min(A[i], B[j]), min over i of max(A[i], B[j])
 * </pre>
 *
 * <p>Inputs are padded with the largest word to a power of two, sixteen at least; comparators leave
 * the padding where it is, and merges with nothing else are left out, as is what sorts rows that
 * nobody asked for.
 */
final class RankProgram {
  /** Sorts sixteen rows of a block of columns: the first operand is the first row. */
  static final int SORT = 0;

  /** Merges two runs of sixteen, of which the higher rows stay bitonic: their first rows. */
  static final int LOWER = 1;

  /** Crosses two runs: the first row of both, and rows of both together. */
  static final int CROSS = 2;

  /** Halves a bitonic run: its first row, and its rows. */
  static final int HALVE = 3;

  /** Picks ranks of two sorted runs, one or two: the lowest rank, and rows of both together. */
  static final int PICK = 4;

  /** Rows in registers. */
  static final int ROWS = 16;

  private final int inputs;
  private final int firstRank;
  private final int ranks;
  private final int padded;
  private final List<int[]> steps = new ArrayList<>();

  private RankProgram(int inputs, int firstRank, int ranks) {
    this.inputs = inputs;
    this.firstRank = firstRank;
    this.ranks = ranks;
    this.padded = padded(inputs);
  }

  /** Rows with padding. */
  static int padded(int inputs) {
    return Math.max(ROWS, Integer.highestOneBit(Math.max(1, 2 * inputs - 1)));
  }

  /**
   * Triples: what to do, and two operands, behind the sixteen-row sorts that all programs begin
   * with.
   *
   * @param inputs rows, at least 1
   */
  static int[] of(int inputs, int firstRank, int ranks) {
    RankProgram program = new RankProgram(inputs, firstRank, ranks);
    for (int size = 2 * ROWS; size <= program.padded; size *= 2) {
      for (int row = 0; row + size / 2 < inputs; row += size) {
        program.merge(row, size);
      }
    }
    return program.steps.stream().flatMapToInt(Arrays::stream).toArray();
  }

  private void merge(int row, int size) {
    if (size == padded && ranks <= 2) {
      steps.add(new int[] {PICK, firstRank, size});
    } else if (size == 2 * ROWS) {
      steps.add(new int[] {LOWER, row, row + ROWS});
      bitonic(row + ROWS, ROWS, size);
    } else {
      steps.add(new int[] {CROSS, row, size});
      for (int quarter = row; quarter < row + size; quarter += size / 4) {
        bitonic(quarter, size / 4, size);
      }
    }
  }

  private void bitonic(int row, int size, int merged) {
    boolean wanted = row < firstRank + ranks && row + size > firstRank;
    if (row >= inputs || merged == padded && !wanted) {
      return;
    }
    if (size == ROWS) {
      steps.add(new int[] {SORT, row, size});
      return;
    }
    steps.add(new int[] {HALVE, row, size});
    bitonic(row, size / 2, merged);
    bitonic(row + size / 2, size / 2, merged);
  }
}
