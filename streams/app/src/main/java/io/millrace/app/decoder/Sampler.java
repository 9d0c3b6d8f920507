package io.millrace.app.decoder;

/**
 * Draws tokens. The number that decides at a position depends on seed and position alone, so that
 * two decoders with nearly the same opinion write the same text. Immutable.
 *
 * @param temperature above 0: small is timid
 * @param seed of all draws
 */
public record Sampler(double temperature, long seed) {

  /**
   * The next token.
   *
   * @param logits [vocabulary]; not modified
   * @param position of the token to be drawn
   */
  public int draw(float[] logits, int position) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Softmax.exp((logit - largest) / temperature);
    }
    double mark = uniform(position) * sum;
    for (int token = 0; token < logits.length; token++) {
      mark -= Softmax.exp((logits[token] - largest) / temperature);
      if (mark < 0) {
        return token;
      }
    }
    return logits.length - 1;
  }

  /** 0 to 1, by the finaliser of SplitMix64 (Steele, Lea, Flood, 2014). */
  private double uniform(int position) {
    long z = seed + (position + 1) * 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return ((z ^ z >>> 31) >>> 11) * 0x1p-53;
  }
}
