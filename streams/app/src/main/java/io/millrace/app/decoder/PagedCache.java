package io.millrace.app.decoder;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.CacheInput;
import io.millrace.operator.kvcache.CacheOutput;
import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.operator.kvcache.KeyValueState;
import io.millrace.operator.kvcache.KeyValueWindow;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.util.Arrays;

/**
 * Keys and values as a session has them whose cache is paged: every token goes through the window
 * operator, token by token, and from the moment that a page leaves, attention sees what it restores
 * to. The window in between is exact, and it slides. One thread.
 */
final class PagedCache implements KeyValueCache {
  /** Queries of the first tokens say what is read of a key; told at every so many. */
  private static final int MOMENT_TOKENS = 16;

  private static final int LAST_MOMENTS = 64;

  private final DecoderShape shape;
  private final RotaryTurn rotary;
  private final KeyValueWindow operator;
  private final Models models;
  private final SessionRecords records;
  private final DenseCache dense;
  private final KeyValueState[] states;
  private final double[][] squares;
  private final float[] turned;
  private final PageTally tally;
  private final boolean[] paged;

  /**
   * Holds nothing yet.
   *
   * @param names of the session
   * @param models that codecs need, by the ids that the operator gives them
   * @param tally counts what pages cost
   */
  PagedCache(
      Decoder decoder, KeyValueWindow operator, HeadGroup names, Models models, PageTally tally) {
    this.shape = decoder.shape();
    this.rotary = decoder.rotary();
    this.operator = operator;
    this.models = models;
    this.records = new SessionRecords(shape, names, RotaryState.AFTER, ElementFormat.FLOAT32);
    this.dense = decoder.exactCache();
    this.states = new KeyValueState[shape.layers()];
    for (int layer = 0; layer < states.length; layer++) {
      states[layer] = operator.createState(HeadGroupKey.of(records.group(layer)));
    }
    this.squares = new double[shape.layers()][shape.channels()];
    this.turned = new float[shape.channels()];
    this.tally = tally;
    this.paged = new boolean[shape.layers()];
  }

  @Override
  public int tokens() {
    return dense.tokens();
  }

  /** Whether attention of a layer sees compressed tokens. */
  boolean isPaged(int layer) {
    return paged[layer];
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    int position = dense.tokens(layer);
    dense.append(layer, keys, keysFrom, values, valuesFrom);
    System.arraycopy(keys, keysFrom, turned, 0, turned.length);
    rotary.turn(turned, 0, turned.length, position);
    SessionRecords.Span span = new SessionRecords.Span(position, 1, 0);
    send(layer, records.block(layer, TensorKind.KEYS, span, turned, 0));
    send(layer, records.block(layer, TensorKind.VALUES, span, values, valuesFrom));
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    dense.attend(layer, queries, out);
    int seen = dense.tokens(layer);
    if (seen > LAST_MOMENTS) {
      return;
    }
    int d = shape.headDimension();
    for (int i = 0; i < shape.dimension(); i++) {
      int channel = i / d / shape.queriesPerHead() * d + i % d;
      // queries come divided by sqrt(d)
      squares[layer][channel] += (double) queries[i] * queries[i] * d;
    }
    if (seen % MOMENT_TOKENS == 0) {
      long queriesSeen = (long) seen * shape.queriesPerHead();
      double[] means = Arrays.stream(squares[layer]).map(sum -> sum / queriesSeen).toArray();
      accept(layer, new CacheInput.Moments(records.moments(layer, queriesSeen, means)));
    }
  }

  private void send(int layer, KeyValueBlock block) {
    accept(layer, new CacheInput.Block(block));
  }

  private void accept(int layer, CacheInput input) {
    operator.accept(
        states[layer],
        input,
        0,
        models,
        output -> {
          if (output instanceof CacheOutput.Page page) {
            replace(layer, page.page());
          }
        });
  }

  private void replace(int layer, KeyValuePage page) {
    RestoredPage restored = RestoredPage.of(page, models, rotary);
    double[] sums = dense.replace(layer, page.getKind() == TensorKind.KEYS, restored);
    tally.count(page, sums[0], sums[1]);
    paged[layer] = true;
  }
}
