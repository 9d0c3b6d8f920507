package io.millrace.app.decoder;

import java.util.Arrays;

/** How well a decoder foretells a text. */
public final class TextLoss {
  private TextLoss() {}

  /**
   * Mean negative logarithm of the likelihood of each token but the first, nats a token.
   *
   * @param tokens at least 2, at most the context; not modified
   * @param cache empty; holds all tokens but the last afterwards
   */
  public static double nats(Decoder decoder, int[] tokens, KeyValueCache cache) {
    double sum = 0;
    for (int i = 0; i + 1 < tokens.length; i++) {
      sum += nats(decoder.step(tokens[i], cache), tokens[i + 1]);
    }
    return sum / (tokens.length - 1);
  }

  /**
   * Negative logarithm of the likelihood of one token.
   *
   * @param logits [vocabulary]; not modified
   */
  public static double nats(float[] logits, int token) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Softmax.exp(logit - largest);
    }
    return StrictMath.log(sum) - (logits[token] - largest);
  }

  /** Consecutive pieces of a text, whole ones only. */
  public static int[][] pieces(int[] tokens, int length) {
    int[][] pieces = new int[tokens.length / length][];
    for (int i = 0; i < pieces.length; i++) {
      pieces[i] = Arrays.copyOfRange(tokens, i * length, (i + 1) * length);
    }
    return pieces;
  }
}
