package io.millrace.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Comparators that bring chosen ranks of a column of numbers into place: Batcher's odd-even merge
 * sort (K. E. Batcher, Sorting networks and their applications, 1968) without the comparators that
 * no chosen rank depends on, and without the half of a comparator that none reads. Inputs that are
 * no power of two count as padded with the largest number, whose comparators do nothing.
 *
 * <p>About n log2(n)^2 / 4 comparators for n inputs: 53, 157 and 445 for the medians of 16, 32 and
 * 64. Holds the scratch of {@link Kernels#rank}, 4 KiB an input; belongs to one thread at a time.
 */
public final class RankNetwork {
  /** Columns ranked in one call, at most: memory is read in stretches of four kilobytes. */
  public static final int COLUMNS = 1024;

  /** Columns ranked together: their words stay in the first-level cache. */
  static final int BLOCK = 128;

  /** Inputs, at most. */
  public static final int LARGEST = 1024;

  static final int BOTH = 0;
  static final int LOW_ONLY = 1;
  static final int HIGH_ONLY = 2;

  private final int inputs;
  private final int firstRank;
  private final int ranks;
  private final int[] comparators;
  private int[] words = new int[0];
  private int[][] rows = new int[0][];
  private int[] program = new int[0];
  private float[][] strip = new float[0][];
  private double[] sums = new double[0];

  /**
   * @param inputs numbers in a column, 1 to {@link #LARGEST}
   * @param firstRank lowest rank to deliver, from 0
   * @param ranks how many ranks from there
   * @throws IllegalArgumentException for ranks outside the column
   */
  public RankNetwork(int inputs, int firstRank, int ranks) {
    if (inputs < 1
        || inputs > LARGEST
        || firstRank < 0
        || ranks < 1
        || ranks > inputs - firstRank) {
      throw new IllegalArgumentException(
          "ranks "
              + firstRank
              + " and "
              + ranks
              + " from there of "
              + inputs
              + " numbers, expected ranks within 1 to "
              + LARGEST
              + " numbers");
    }
    this.inputs = inputs;
    this.firstRank = firstRank;
    this.ranks = ranks;
    this.comparators = pruned(inputs, firstRank, ranks);
  }

  /** Numbers in a column. */
  public int inputs() {
    return inputs;
  }

  /** Lowest rank delivered. */
  public int firstRank() {
    return firstRank;
  }

  /** How many ranks are delivered. */
  public int ranks() {
    return ranks;
  }

  /** Comparators kept. */
  public int size() {
    return comparators.length / 3;
  }

  /** Triples: row that gets the lower, row that gets the higher, which of the two is wanted. */
  int[] comparators() {
    return comparators;
  }

  /** {@link RankProgram} for the same ranks; triples. */
  int[] program() {
    if (program.length == 0) {
      program = RankProgram.of(inputs, firstRank, ranks);
    }
    return program;
  }

  /** Blocks of [padded inputs x BLOCK], row-major, the padding at its value. */
  int[] words() {
    if (words.length == 0) {
      words = new int[COLUMNS / BLOCK * blockWords()];
      Arrays.fill(words, Integer.MAX_VALUE);
    }
    return words;
  }

  /** [8 x BLOCK], for rows or columns that are not there. */
  float[][] strip() {
    if (strip.length == 0) {
      strip = new float[8][BLOCK];
    }
    return strip;
  }

  /** Words of a block. */
  int blockWords() {
    return RankProgram.padded(inputs) * BLOCK;
  }

  /** [BLOCK]. */
  double[] sums() {
    if (sums.length == 0) {
      sums = new double[BLOCK];
    }
    return sums;
  }

  /** The inputs as separate arrays, and a spare one. */
  int[][] rows() {
    if (rows.length == 0) {
      rows = new int[inputs + 1][BLOCK];
    }
    return rows;
  }

  /** Maps the bits of floats to ints of the same order, and back: an involution. */
  static int sortable(int bits) {
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  private static int[] pruned(int inputs, int firstRank, int ranks) {
    List<int[]> all = batcher(inputs);
    boolean[] wanted = new boolean[inputs];
    for (int rank = firstRank; rank < firstRank + ranks; rank++) {
      wanted[rank] = true;
    }
    List<int[]> kept = new ArrayList<>();
    for (int c = all.size() - 1; c >= 0; c--) {
      int low = all.get(c)[0];
      int high = all.get(c)[1];
      if (wanted[low] || wanted[high]) {
        int kind = !wanted[high] ? LOW_ONLY : !wanted[low] ? HIGH_ONLY : BOTH;
        kept.add(new int[] {low, high, kind});
        wanted[low] = true;
        wanted[high] = true;
      }
    }
    Collections.reverse(kept);
    return kept.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M. */
  private static List<int[]> batcher(int inputs) {
    int highest = Integer.highestOneBit(Math.max(1, inputs - 1));
    List<int[]> comparators = new ArrayList<>();
    for (int p = highest; p > 0; p /= 2) {
      int q = highest;
      int r = 0;
      int distance = p;
      while (true) {
        for (int i = 0; i < inputs - distance; i++) {
          if ((i & p) == r) {
            comparators.add(new int[] {i, i + distance});
          }
        }
        if (q == p) {
          break;
        }
        distance = q - p;
        q /= 2;
        r = p;
      }
    }
    return comparators;
  }
}
