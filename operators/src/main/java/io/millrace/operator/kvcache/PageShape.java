package io.millrace.operator.kvcache;

/**
 * Size of a page: values lie as [tokens x heads x headDimension], row-major.
 *
 * @param tokens n, 1 to 65,535
 * @param heads KV heads, 1 to 65,535
 * @param headDimension channels of one head, d, 1 to 65,535
 */
public record PageShape(int tokens, int heads, int headDimension) {
  /** A page has at most as many values. */
  public static final int MAXIMUM_VALUES = 1 << 24;

  private static final int LIMIT = (1 << 16) - 1;

  /**
   * @throws IllegalArgumentException if a value is out of range
   */
  public PageShape {
    if (tokens < 1 || tokens > LIMIT || heads < 1 || heads > LIMIT) {
      throw new IllegalArgumentException(
          "page has " + tokens + " tokens of " + heads + " heads, expected 1 to " + LIMIT);
    }
    if (headDimension < 1 || headDimension > LIMIT) {
      throw new IllegalArgumentException(
          "head dimension is " + headDimension + ", expected 1 to " + LIMIT);
    }
    if ((long) tokens * heads > MAXIMUM_VALUES / headDimension) {
      throw new IllegalArgumentException(
          "page of "
              + tokens
              + " x "
              + heads
              + " x "
              + headDimension
              + " values, expected at most "
              + MAXIMUM_VALUES);
    }
  }

  /** Channels of a token over all heads, C. */
  public int channels() {
    return heads * headDimension;
  }

  /** Values of the page. */
  public int values() {
    return tokens * heads * headDimension;
  }
}
