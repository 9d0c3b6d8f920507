package io.millrace.operator.kvcache;

import java.util.Arrays;
import java.util.Comparator;

/** Channels of a page by size or score. */
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

  /**
   * The channels with the largest scores of each head, rising; of equal ones the lower.
   *
   * @param scores [h x d]
   * @param kept of each head, at most {@code d}
   * @return [h x kept] channels of the token
   */
  static int[] largestOfEachHead(double[] scores, int d, int kept) {
    int heads = scores.length / d;
    int[] channels = new int[heads * kept];
    Integer[] order = new Integer[d];
    for (int head = 0; head < heads; head++) {
      int first = head * d;
      Arrays.setAll(order, i -> first + i);
      Arrays.sort(
          order,
          Comparator.<Integer>comparingDouble(channel -> -scores[channel])
              .thenComparingInt(channel -> channel));
      for (int i = 0; i < kept; i++) {
        channels[head * kept + i] = order[i];
      }
      Arrays.sort(channels, head * kept, (head + 1) * kept);
    }
    return channels;
  }
}
