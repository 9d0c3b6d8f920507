package io.millrace.app.decoder;

import io.millrace.kernel.Kernels;

/**
 * All keys and values as floats, keys turned: exact, unless somebody puts restored ones in their
 * place. Memory 8 L T c bytes, T the context. One thread.
 */
public final class DenseCache implements KeyValueCache {
  private final DecoderShape shape;
  private final RotaryTurn rotary;

  /** By layer and head, [d x T]: scores of a query are one product. */
  private final float[][] keys;

  /** By layer and head, [T x d]. */
  private final float[][] values;

  private final int[] held;
  private final float[] turned;
  private final float[] scores;

  /**
   * Holds nothing yet.
   *
   * @param rotary the decoder's
   */
  public DenseCache(DecoderShape shape, RotaryTurn rotary) {
    this.shape = shape;
    this.rotary = rotary;
    int size = shape.headDimension() * shape.context();
    this.keys = new float[shape.layers() * shape.keyValueHeads()][size];
    this.values = new float[shape.layers() * shape.keyValueHeads()][size];
    this.held = new int[shape.layers()];
    this.turned = new float[shape.channels()];
    this.scores = new float[shape.context()];
  }

  @Override
  public int tokens() {
    return held[shape.layers() - 1];
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    System.arraycopy(keys, keysFrom, turned, 0, turned.length);
    rotary.turn(turned, 0, turned.length, held[layer]);
    put(layer, held[layer], turned, 0, values, valuesFrom);
    held[layer]++;
  }

  /**
   * Puts keys and values of one token in the place of those that are there.
   *
   * @param keys [c], turned; not modified
   * @param values [c]; not modified
   */
  void put(int layer, int position, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    int d = shape.headDimension();
    for (int head = 0; head < shape.keyValueHeads(); head++) {
      int at = layer * shape.keyValueHeads() + head;
      for (int i = 0; i < d; i++) {
        this.keys[at][i * shape.context() + position] = keys[keysFrom + head * d + i];
      }
      System.arraycopy(values, valuesFrom + head * d, this.values[at], position * d, d);
    }
  }

  /** Tokens held in one layer. */
  int tokens(int layer) {
    return held[layer];
  }

  /**
   * Puts what a page restores to in the place of what is there.
   *
   * @return squared norms of what that changed, and of what was there
   */
  double[] replace(int layer, boolean isKeys, RestoredPage page) {
    int d = shape.headDimension();
    int c = shape.channels();
    double error = 0;
    double energy = 0;
    for (int token = 0; token < page.tokens(); token++) {
      for (int channel = 0; channel < c; channel++) {
        int at = layer * shape.keyValueHeads() + channel / d;
        int position = page.firstToken() + token;
        float[] tensor = isKeys ? keys[at] : values[at];
        int index = isKeys ? channel % d * shape.context() + position : position * d + channel % d;
        double before = tensor[index];
        double after = page.values()[token * c + channel];
        tensor[index] = (float) after;
        error += (before - after) * (before - after);
        energy += before * before;
      }
    }
    return new double[] {error, energy};
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    int d = shape.headDimension();
    for (int query = 0; query < shape.queryHeads(); query++) {
      int at = layer * shape.keyValueHeads() + query / shape.queriesPerHead();
      Kernels.gemv(keys[at], 0, queries, query * d, scores, 0, d, shape.context());
      Softmax.weigh(scores, held[layer]);
      Kernels.gemv(values[at], 0, scores, 0, out, query * d, held[layer], d);
    }
  }
}
