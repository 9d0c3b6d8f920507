package io.millrace.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A rank network cut for vector registers. Sixteen rows at a time are sorted, and merged, without
 * touching memory in between ({@link SimdSort16}, {@link SimdMerge16}); Batcher's odd-even merges
 * (1968) put the blocks together: a merge of n sorted rows is two merges of every other row and n/2
 * - 1 comparators of neighbours. As in {@link RankNetwork}, what no chosen rank depends on is left
 * out; a block that has lost most of its comparators becomes what is left of them.
 *
 * <p>Inputs are padded with the largest word to a power of two, sixteen at least; comparators leave
 * the padding where it is.
 */
final class RankProgram {
  /** Sorts sixteen rows from the first operand on. */
  static final int SORT = 3;

  /** Merges sixteen rows: the first operand is the first row, the second their distance. */
  static final int MERGE = 4;

  /** Rows of a block. */
  static final int BLOCK = 16;

  // A block takes as long as so many comparators that go through memory.
  private static final int SORT_WORTH = 16;
  private static final int MERGE_WORTH = 10;

  /** M. W. Green, 1969. */
  private static final int[] SORT_16 = {
    0, 13, 1, 12, 2, 15, 3, 14, 4, 8, 5, 6, 7, 11, 9, 10, 0, 5, 1, 7, 2, 9, 3, 4, 6, 13, 8, 14, 10,
    15, 11, 12, 0, 1, 2, 3, 4, 5, 6, 8, 7, 9, 10, 11, 12, 13, 14, 15, 0, 2, 1, 3, 4, 10, 5, 11, 6,
    7, 8, 9, 12, 14, 13, 15, 1, 2, 3, 12, 4, 6, 5, 7, 8, 10, 9, 11, 13, 14, 1, 4, 2, 6, 5, 8, 7, 10,
    9, 13, 11, 14, 2, 4, 3, 6, 9, 12, 11, 13, 3, 5, 6, 8, 7, 9, 10, 12, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    12, 6, 7, 8, 9
  };

  /** Batcher's merge of two sorted halves. */
  private static final int[] MERGE_16 = {
    0, 8, 4, 12, 4, 8, 2, 10, 6, 14, 6, 10, 2, 4, 6, 8, 10, 12, 1, 9, 5, 13, 5, 9, 3, 11, 7, 15, 7,
    11, 3, 5, 7, 9, 11, 13, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
  };

  private final int inputs;
  private final int padded;
  private final List<int[]> steps = new ArrayList<>();
  private final List<int[]> kept = new ArrayList<>();
  private boolean[] wanted;

  private RankProgram(int inputs) {
    this.inputs = inputs;
    this.padded = padded(inputs);
  }

  /** Rows with padding. */
  static int padded(int inputs) {
    return Math.max(BLOCK, Integer.highestOneBit(Math.max(1, 2 * inputs - 1)));
  }

  /**
   * Triples: what to do, and two operands. {@link RankNetwork}'s kinds of comparator have the rows
   * that get the lower and the higher.
   *
   * @param inputs rows, at least 1
   */
  static int[] of(int inputs, int firstRank, int ranks) {
    RankProgram program = new RankProgram(inputs);
    program.build();
    program.prune(firstRank, ranks);
    return program.kept.stream().flatMapToInt(Arrays::stream).toArray();
  }

  private void build() {
    for (int row = 0; row < padded; row += BLOCK) {
      steps.add(new int[] {SORT, row, 1});
    }
    for (int size = 2 * BLOCK; size <= padded; size *= 2) {
      for (int row = 0; row < padded; row += size) {
        merge(row, 1, size);
      }
    }
  }

  private void merge(int first, int stride, int size) {
    if (size == BLOCK) {
      steps.add(new int[] {MERGE, first, stride});
      return;
    }
    merge(first, 2 * stride, size / 2);
    merge(first + stride, 2 * stride, size / 2);
    for (int i = 1; i < size - 1; i += 2) {
      steps.add(new int[] {RankNetwork.BOTH, first + i * stride, first + (i + 1) * stride});
    }
  }

  private void prune(int firstRank, int ranks) {
    wanted = new boolean[padded];
    for (int rank = firstRank; rank < firstRank + ranks; rank++) {
      wanted[rank] = true;
    }
    for (int s = steps.size() - 1; s >= 0; s--) {
      int[] step = steps.get(s);
      switch (step[0]) {
        case SORT -> block(step, SORT_16, SORT_WORTH);
        case MERGE -> block(step, MERGE_16, MERGE_WORTH);
        default -> comparator(step[1], step[2], kept);
      }
    }
    Collections.reverse(kept);
  }

  private void block(int[] step, int[] network, int worth) {
    boolean[] before = wanted.clone();
    List<int[]> single = new ArrayList<>();
    for (int c = network.length - 2; c >= 0; c -= 2) {
      comparator(step[1] + network[c] * step[2], step[1] + network[c + 1] * step[2], single);
    }
    if (single.size() >= worth) {
      wanted = before;
      for (int i = 0; i < BLOCK; i++) {
        wanted[step[1] + i * step[2]] = true;
      }
      kept.add(step);
      return;
    }
    kept.addAll(single);
  }

  /** Keeps a comparator, behind which all that follow have been looked at. */
  private void comparator(int low, int high, List<int[]> to) {
    if (high < inputs && (wanted[low] || wanted[high])) {
      int kind =
          !wanted[high]
              ? RankNetwork.LOW_ONLY
              : !wanted[low] ? RankNetwork.HIGH_ONLY : RankNetwork.BOTH;
      to.add(new int[] {kind, low, high});
      wanted[low] = true;
      wanted[high] = true;
    }
  }
}
