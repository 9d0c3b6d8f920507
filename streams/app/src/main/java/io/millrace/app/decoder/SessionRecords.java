package io.millrace.app.decoder;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What one session of a decoder sends to a KV cache: all heads of a layer are one head group. */
public final class SessionRecords {
  private final DecoderShape shape;
  private final RotaryState keyState;
  private final ElementFormat format;
  private final List<HeadGroup> groups = new ArrayList<>();

  /**
   * Tokens of a block.
   *
   * @param firstToken position of the first
   * @param tokens n
   * @param timeMicros event time
   */
  public record Span(long firstToken, int tokens, long timeMicros) {}

  /**
   * Records of a session.
   *
   * @param names tenant, model, weights and session; its layer and heads do not matter
   * @param keyState BEFORE or AFTER: how keys will be given
   * @param format FLOAT32 or BFLOAT16: how elements are sent
   */
  public SessionRecords(
      DecoderShape shape, HeadGroup names, RotaryState keyState, ElementFormat format) {
    this.shape = shape;
    this.format = format;
    this.keyState = keyState;
    for (int layer = 0; layer < shape.layers(); layer++) {
      groups.add(
          new HeadGroup(
              names.getTenant(),
              names.getModel(),
              names.getWeights(),
              names.getSession(),
              layer,
              0,
              shape.keyValueHeads(),
              shape.headDimension()));
    }
  }

  /** The head group of a layer. */
  public HeadGroup group(int layer) {
    return groups.get(layer);
  }

  /** Rotary position of keys or values. */
  public RotaryPosition rotary(TensorKind kind) {
    boolean keys = kind == TensorKind.KEYS;
    return new RotaryPosition(
        keys ? keyState : RotaryState.NONE,
        RotaryPairing.NEIGHBOURS,
        RotaryTurn.BASE,
        keys ? shape.headDimension() : 0,
        List.of());
  }

  /**
   * Keys or values of consecutive tokens.
   *
   * @param span which tokens
   * @param elements [tokens x c] from {@code from}; not modified
   */
  public KeyValueBlock block(int layer, TensorKind kind, Span span, float[] elements, int from) {
    int count = span.tokens() * shape.channels();
    boolean whole = format == ElementFormat.FLOAT32;
    ByteBuffer bytes =
        ByteBuffer.allocate(count * (whole ? Float.BYTES : Short.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < from + count; i++) {
      int bits = Float.floatToRawIntBits(elements[i]);
      if (whole) {
        bytes.putInt(bits);
      } else {
        // to nearest, halves to even; a decoder's numbers are far from the largest
        bytes.putShort((short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16));
      }
    }
    return new KeyValueBlock(
        group(layer),
        kind,
        rotary(kind),
        format,
        span.firstToken(),
        span.tokens(),
        span.timeMicros(),
        bytes.flip());
  }

  /**
   * Sizes of queries.
   *
   * @param meanSquares [c]
   */
  public QueryMoments moments(int layer, long queries, double[] meanSquares) {
    List<Float> list = new ArrayList<>();
    for (double square : meanSquares) {
      list.add((float) square);
    }
    return new QueryMoments(group(layer), 0L, queries, list);
  }

  /** The end of a layer's tokens. */
  public SessionEnd end(int layer, long timeMicros) {
    return new SessionEnd(group(layer), timeMicros);
  }
}
