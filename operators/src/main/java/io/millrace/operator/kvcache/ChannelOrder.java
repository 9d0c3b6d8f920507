package io.millrace.operator.kvcache;

import java.util.Arrays;
import java.util.Comparator;

/** Channels of a page by size. */
final class ChannelOrder {
  private ChannelOrder() {}

  /**
   * Channels of all heads by falling energy over the page's tokens, then by rising number.
   *
   * @param values [n x h x d]
   */
  static int[] bySize(PageShape shape, float[] values) {
    int channels = shape.channels();
    double[] energy = new double[channels];
    for (int token = 0; token < shape.tokens(); token++) {
      int from = token * channels;
      for (int channel = 0; channel < channels; channel++) {
        energy[channel] += (double) values[from + channel] * values[from + channel];
      }
    }
    Integer[] order = new Integer[channels];
    Arrays.setAll(order, channel -> channel);
    Arrays.sort(
        order,
        Comparator.<Integer>comparingDouble(channel -> -energy[channel])
            .thenComparingInt(channel -> channel));
    return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
  }
}
