package io.millrace.app.decoder;

import io.millrace.kernel.Kernels;
import io.millrace.operator.kvcache.AttentionPartial;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.operator.kvcache.KeyValueReader;
import java.util.List;

/**
 * A cache whose first tokens are another's pages, read where they lie and never restored; the
 * tokens that come are kept as floats. The two meet in {@link AttentionPartial}. One thread.
 */
public final class ContinuedCache implements KeyValueCache {
  private final DecoderShape shape;
  private final RotaryTurn rotary;
  private final KeyValueReader reader;
  private final List<HeadGroupPages> pages;
  private final int inherited;

  /** By layer, [T x c], from the first own token on. */
  private final float[][] keys;

  private final float[][] values;
  private final int[] own;
  private final float[] scores;
  private final AttentionPartial partial;

  /**
   * Continues a session.
   *
   * @param reader of its pages
   * @param pages of each layer
   * @param inherited tokens to read from pages, all of them being there
   */
  public ContinuedCache(
      Decoder decoder, KeyValueReader reader, List<HeadGroupPages> pages, int inherited) {
    this.shape = decoder.shape();
    this.rotary = decoder.rotary();
    this.reader = reader;
    this.pages = List.copyOf(pages);
    this.inherited = inherited;
    int size = (shape.context() - inherited) * shape.channels();
    this.keys = new float[shape.layers()][size];
    this.values = new float[shape.layers()][size];
    this.own = new int[shape.layers()];
    this.scores = new float[shape.context()];
    this.partial = new AttentionPartial(shape.headDimension());
  }

  @Override
  public int tokens() {
    return inherited + own[shape.layers() - 1];
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    int c = shape.channels();
    int at = own[layer] * c;
    System.arraycopy(keys, keysFrom, this.keys[layer], at, c);
    rotary.turn(this.keys[layer], at, c, inherited + own[layer]);
    System.arraycopy(values, valuesFrom, this.values[layer], at, c);
    own[layer]++;
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    int d = shape.headDimension();
    int c = shape.channels();
    for (int query = 0; query < shape.queryHeads(); query++) {
      int head = query / shape.queriesPerHead();
      partial.clear();
      reader.attend(pages.get(layer), head, queries, query * d, inherited, partial);
      for (int token = 0; token < own[layer]; token++) {
        scores[token] = Kernels.dot(queries, query * d, keys[layer], token * c + head * d, d);
      }
      partial.add(scores, 0, own[layer], values[layer], head * d, c);
      partial.finish(out, query * d);
    }
  }
}
