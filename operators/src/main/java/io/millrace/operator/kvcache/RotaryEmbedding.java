package io.millrace.operator.kvcache;

import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import java.util.List;

/**
 * Rotary position embedding (Su et al., 2021, arXiv 2104.09864): channel pair i of a head turns by
 * position x base^(-2i/d), times a factor where the model's context was stretched. Angles in
 * double, sine and cosine of {@link StrictMath} rounded to float: the same bits everywhere, though
 * not those of any model's own code.
 *
 * @param base for example 10000
 * @param pairing which channels make a pair
 * @param dimensions leading channels of a head that turn, even
 * @param frequencyScale factor of each pair; empty: 1
 */
record RotaryEmbedding(double base, Pairing pairing, int dimensions, List<Double> frequencyScale) {
  /** Which channels make a pair. */
  enum Pairing {
    /** 2i and 2i + 1. */
    NEIGHBOURS,
    /** i and i + d/2. */
    HALVES
  }

  /** Without stretching. */
  RotaryEmbedding(double base, Pairing pairing, int dimensions) {
    this(base, pairing, dimensions, List.of());
  }

  /** What a record says; its state does not matter. */
  static RotaryEmbedding of(RotaryPosition position) {
    return new RotaryEmbedding(
        position.getBase(),
        position.getPairing() == RotaryPairing.HALVES ? Pairing.HALVES : Pairing.NEIGHBOURS,
        position.getDimensions(),
        position.getFrequencyScale());
  }

  /**
   * Turns tokens forward, or back.
   *
   * @param values [n x h x d], modified
   * @param firstToken position of the first
   * @param back undoes a turn
   */
  void turn(PageShape shape, float[] values, long firstToken, boolean back) {
    int pairs = dimensions / 2;
    float[] cosines = new float[pairs];
    float[] sines = new float[pairs];
    double[] frequencies = new double[pairs];
    for (int pair = 0; pair < pairs; pair++) {
      frequencies[pair] =
          StrictMath.pow(base, -2.0 * pair / dimensions)
              * (frequencyScale.isEmpty() ? 1 : frequencyScale.get(pair));
    }
    for (int token = 0; token < shape.tokens(); token++) {
      for (int pair = 0; pair < pairs; pair++) {
        double angle = (firstToken + token) * frequencies[pair];
        cosines[pair] = (float) StrictMath.cos(angle);
        sines[pair] = (float) (back ? -StrictMath.sin(angle) : StrictMath.sin(angle));
      }
      for (int head = 0; head < shape.heads(); head++) {
        int from = (token * shape.heads() + head) * shape.headDimension();
        for (int pair = 0; pair < pairs; pair++) {
          int first = from + (pairing == Pairing.NEIGHBOURS ? 2 * pair : pair);
          int second = pairing == Pairing.NEIGHBOURS ? first + 1 : first + pairs;
          float x = values[first];
          float y = values[second];
          values[first] = x * cosines[pair] - y * sines[pair];
          values[second] = x * sines[pair] + y * cosines[pair];
        }
      }
    }
  }
}
