package io.millrace.app.continuation;

import io.millrace.app.decoder.Decoder;
import io.millrace.app.decoder.DenseCache;
import io.millrace.app.decoder.KeyValueCache;
import io.millrace.app.decoder.Sampler;
import io.millrace.app.decoder.SessionRecords;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * A decoder that writes a text, token by token, and sends keys and values of every {@value #BLOCK}
 * tokens. It keeps its own cache exactly: what is read from pages later is held against that. One
 * thread.
 */
final class WritingSession implements KeyValueCache {
  /** Tokens of a block. */
  static final int BLOCK = 8;

  private final Decoder decoder;
  private final SessionRecords records;
  private final Sampler sampler;
  private final DenseCache exact;
  private final Consumer<KeyValueBlock> out;
  private final float[][][] waiting;
  private final int[] tokens;
  private final int promptLength;
  private final int length;
  private float[] logits = new float[0];
  private long timeMicros;

  /**
   * Begins a text.
   *
   * @param names of the session
   * @param prompt its first tokens
   * @param length tokens to write, the prompt's among them
   * @param out takes blocks as they fill
   */
  WritingSession(
      Decoder decoder, HeadGroup names, int[] prompt, int length, Consumer<KeyValueBlock> out) {
    this.decoder = decoder;
    this.records =
        new SessionRecords(decoder.shape(), names, RotaryState.BEFORE, ElementFormat.BFLOAT16);
    this.sampler = new Sampler(Continuation.TEMPERATURE, names.getSession().hashCode());
    this.exact = decoder.exactCache();
    this.out = out;
    this.waiting =
        new float[decoder.shape().layers()][TensorKind.values().length]
            [BLOCK * decoder.shape().channels()];
    this.tokens = Arrays.copyOf(prompt, decoder.shape().context());
    this.promptLength = prompt.length;
    this.length = length;
  }

  /**
   * Writes one token, whose keys and values come at that event time; false once it is at its end.
   */
  boolean write(long nowMicros) {
    int position = exact.tokens();
    if (position == length) {
      return false;
    }
    timeMicros = nowMicros;
    logits = decoder.step(tokens[position], this);
    if (position + 1 >= promptLength) {
      tokens[position + 1] = sampler.draw(logits, position + 1);
    }
    return true;
  }

  SessionRecords records() {
    return records;
  }

  Sampler sampler() {
    return sampler;
  }

  /** The decoder's own cache, to go on from. */
  DenseCache exact() {
    return exact;
  }

  /** All tokens written, and the one that follows. */
  int[] text() {
    return Arrays.copyOf(tokens, exact.tokens() + 1);
  }

  int promptLength() {
    return promptLength;
  }

  @Override
  public int tokens() {
    return exact.tokens();
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    int c = decoder.shape().channels();
    int position = exact.tokens();
    int place = position % BLOCK;
    System.arraycopy(keys, keysFrom, waiting[layer][0], place * c, c);
    System.arraycopy(values, valuesFrom, waiting[layer][1], place * c, c);
    exact.append(layer, keys, keysFrom, values, valuesFrom);
    if (place == BLOCK - 1 || position == length - 1) {
      for (TensorKind kind : TensorKind.values()) {
        out.accept(
            records.block(
                layer,
                kind,
                new SessionRecords.Span(position - place, place + 1, timeMicros),
                waiting[layer][kind.ordinal()],
                0));
      }
    }
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    exact.attend(layer, queries, out);
  }
}
