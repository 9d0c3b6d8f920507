package io.millrace.operator.federated;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Rows by a measure, ties by row number, so that the choice never depends on a sort. */
final class NearestRows {
  private NearestRows() {}

  /**
   * The rows of the smallest measures.
   *
   * @param count at most {@code measures.length}
   * @return rising
   */
  static int[] smallest(double[] measures, int count) {
    Integer[] order = IntStream.range(0, measures.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble((Integer row) -> measures[row]));
    return Arrays.stream(order, 0, count).mapToInt(Integer::intValue).sorted().toArray();
  }
}
