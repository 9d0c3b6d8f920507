package io.millrace.app.decoder;

/**
 * Keys and values of the tokens that a decoder has seen, and attention over them. What lies behind
 * may be exact, compressed, or somewhere else.
 */
public interface KeyValueCache {

  /** Tokens held; the next one has this position. */
  int tokens();

  /**
   * Takes keys and values of the next token in one layer; once the last layer has come, it counts.
   *
   * @param keys [c] from {@code keysFrom}, before the rotary step; not modified
   * @param values [c] from {@code valuesFrom}; not modified
   */
  void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom);

  /**
   * Attention of a layer's newest token over all that the layer holds.
   *
   * @param queries [query heads x d] from 0, after the rotary step, scaled by 1 / sqrt(d); not
   *     modified
   * @param out [query heads x d], overwritten
   */
  void attend(int layer, float[] queries, float[] out);
}
