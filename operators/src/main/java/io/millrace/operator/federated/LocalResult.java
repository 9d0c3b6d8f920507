package io.millrace.operator.federated;

/**
 * What local steps did to one chunk of the model.
 *
 * @param start the model's numbers before, not modified
 * @param end after, as many, not modified
 * @param control the server's control c, as many, or none: zeros
 * @param distance local steps times their rate: what makes a gradient of a difference
 */
public record LocalResult(double[] start, double[] end, double[] control, double distance) {
  /**
   * @throws IllegalArgumentException for parts of different lengths or a distance that is not above
   *     0
   */
  public LocalResult {
    if (end.length != start.length || control.length != 0 && control.length != start.length) {
      throw new IllegalArgumentException(
          "local result has "
              + end.length
              + " numbers and a control of "
              + control.length
              + ", expected "
              + start.length);
    }
    if (!(distance > 0 && distance < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("distance is " + distance + ", expected above 0");
    }
  }

  /** Numbers of the chunk. */
  public int length() {
    return start.length;
  }

  /** Coordinate i of the mean of the gradients, shift included, along the steps. */
  double meanGradient(int i) {
    return (start[i] - end[i]) / distance;
  }

  /** Coordinate i of c. */
  double control(int i) {
    return control.length == 0 ? 0 : control[i];
  }
}
