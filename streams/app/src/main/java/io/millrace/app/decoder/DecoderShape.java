package io.millrace.app.decoder;

/**
 * Sizes of a decoder.
 *
 * @param dimension channels of the residual stream
 * @param hiddenDimension of the feed-forward layers
 * @param layers at least 1
 * @param queryHeads a multiple of {@code keyValueHeads}, which each serve as many of them
 * @param keyValueHeads h
 * @param vocabulary tokens that it knows
 * @param context tokens that it may look back on
 */
public record DecoderShape(
    int dimension,
    int hiddenDimension,
    int layers,
    int queryHeads,
    int keyValueHeads,
    int vocabulary,
    int context) {
  private static final int LIMIT = 1 << 16;

  /**
   * @throws IllegalArgumentException if a size is out of range or sizes do not fit together
   */
  public DecoderShape {
    for (int size :
        new int[] {
          dimension, hiddenDimension, layers, queryHeads, keyValueHeads, vocabulary, context
        }) {
      if (size < 1 || size > LIMIT) {
        throw new IllegalArgumentException(
            "decoder has a size of " + size + ", expected 1 to " + LIMIT);
      }
    }
    if (dimension % (2 * queryHeads) != 0 || queryHeads % keyValueHeads != 0) {
      throw new IllegalArgumentException(
          "decoder of dimension "
              + dimension
              + " has "
              + queryHeads
              + " query and "
              + keyValueHeads
              + " key/value heads: expected heads of an even number of channels, and as many query"
              + " heads for each key/value head");
    }
  }

  /** Channels of a head, d. */
  public int headDimension() {
    return dimension / queryHeads;
  }

  /** Channels of a token's keys, or values, over all heads of a layer: c = h d. */
  public int channels() {
    return keyValueHeads * headDimension();
  }

  /** Query heads that read one key/value head. */
  public int queriesPerHead() {
    return queryHeads / keyValueHeads;
  }
}
