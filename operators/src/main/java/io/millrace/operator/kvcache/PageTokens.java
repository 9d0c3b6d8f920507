package io.millrace.operator.kvcache;

import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The exact tokens of a page to be, as they came and as codecs want them. One thread. */
final class PageTokens {
  private final PageShape shape;
  private final PageKind kind;
  private final TokenFormat format;
  private final RotaryPosition rotary;
  private final long firstToken;
  private final byte[] elements;
  private float[] valuesOrNull;
  private float[] turnedBackOrNull;
  private byte[] labels = new byte[0];

  /**
   * @param elements [n x h x d] in the format; not modified
   */
  PageTokens(
      PageShape shape, TensorLayout layout, PageKind kind, long firstToken, byte[] elements) {
    this.shape = shape;
    this.kind = kind;
    this.format = layout.format();
    this.rotary = layout.rotary();
    this.firstToken = firstToken;
    this.elements = elements;
  }

  PageShape shape() {
    return shape;
  }

  PageKind kind() {
    return kind;
  }

  TokenFormat format() {
    return format;
  }

  long firstToken() {
    return firstToken;
  }

  /** [n x h x d] as they came; not to be modified. */
  byte[] elements() {
    return elements;
  }

  /** {@link LabelColumn} of their pages; empty: none. */
  byte[] labels() {
    return labels;
  }

  /**
   * Makes the label column.
   *
   * @param queryMeanSquares [h x d]; empty: not known
   * @param perHead labels of a head, 1 to d
   */
  void label(float[] queryMeanSquares, int perHead) {
    float[] keys = values();
    if (cameBeforeRotary()) {
      keys = keys.clone();
      RotaryEmbedding.of(rotary).turn(shape, keys, firstToken, false);
    }
    labels = LabelColumn.encode(shape, keys, queryMeanSquares, perHead);
  }

  /** Whether they came as they are before the rotary step. */
  boolean cameBeforeRotary() {
    return rotary.getState() == RotaryState.BEFORE;
  }

  /** Whether they came turned, and can be turned back. */
  boolean cameAfterRotary() {
    return rotary.getState() == RotaryState.AFTER;
  }

  /** [n x h x d] as they came; not to be modified. */
  float[] values() {
    if (valuesOrNull == null) {
      valuesOrNull = new float[shape.values()];
      format.get(
          ByteBuffer.wrap(elements).order(ByteOrder.LITTLE_ENDIAN), valuesOrNull, shape.values());
    }
    return valuesOrNull;
  }

  /** [n x h x d] as before the rotary step, or as they came where there is none. */
  float[] beforeRotary() {
    if (!cameAfterRotary()) {
      return values();
    }
    if (turnedBackOrNull == null) {
      turnedBackOrNull = values().clone();
      RotaryEmbedding.of(rotary).turn(shape, turnedBackOrNull, firstToken, true);
    }
    return turnedBackOrNull;
  }
}
