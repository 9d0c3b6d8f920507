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

/**
 * What one session of a decoder sends to a KV cache: all heads of a layer are one head group, keys
 * and values are float32.
 */
public final class SessionRecords {
  private final DecoderShape shape;
  private final RotaryState keyState;
  private final List<HeadGroup> groups = new ArrayList<>();

  /**
   * Records of a session.
   *
   * @param names tenant, model, weights and session; its layer and heads do not matter
   * @param keyState BEFORE or AFTER: how keys will be given
   */
  public SessionRecords(DecoderShape shape, HeadGroup names, RotaryState keyState) {
    this.shape = shape;
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
   * @param elements [tokens x c] from {@code from}; not modified
   */
  public KeyValueBlock block(
      int layer, TensorKind kind, long firstToken, int tokens, float[] elements, int from) {
    int count = tokens * shape.channels();
    ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(elements, from, count);
    return new KeyValueBlock(
        group(layer),
        kind,
        rotary(kind),
        ElementFormat.FLOAT32,
        firstToken,
        tokens,
        0L,
        bytes);
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
  public SessionEnd end(int layer) {
    return new SessionEnd(group(layer), 0L);
  }
}
