package io.millrace.operator.federated;

/** The mean of the values of a column nearest to a centre: a window of the sorted column. */
final class NearestValues {
  private NearestValues() {}

  /**
   * Mean of {@code count} of {@code values} sorted values; of two equally near, the lower.
   *
   * @param ranked [values x columns], columns sorted
   */
  static double mean(
      float[] ranked, int values, int columns, int column, int count, double centre) {
    int first = 0;
    while (first + count < values
        && ranked[(first + count) * columns + column] - centre
            < centre - ranked[first * columns + column]) {
      first++;
    }
    double sum = 0;
    for (int rank = first; rank < first + count; rank++) {
      sum += ranked[rank * columns + column];
    }
    return sum / count;
  }
}
