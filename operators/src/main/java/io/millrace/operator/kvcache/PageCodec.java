package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * One way to compress a page. A page is encoded once, from its own tokens only; the bytes are a
 * pure function of its values and the codec's settings. Stateless but for scratch memory: one
 * thread.
 */
public interface PageCodec {

  /** Explicit number on the wire, never reused. */
  byte id();

  /**
   * Settings without which a page cannot be opened: with {@link #id} they make this codec again,
   * see {@link PageCodecs#reading}. A changed layout is another value here, never another meaning.
   */
  int parameters();

  /** Name in settings and reports, with its bits, for example kivi-2. */
  String name();

  /** The learned model that pages of this codec name, and need to be opened. */
  default Optional<Models.Model> model() {
    return Optional.empty();
  }

  /** Whether keys are best given as they are before the rotary step. */
  default boolean codesBeforeRotary() {
    return false;
  }

  /**
   * The payload of a page, little-endian.
   *
   * @param values [n x h x d], finite; not modified
   * @throws IllegalArgumentException for a shape that the codec cannot take
   */
  byte[] encode(PageShape shape, PageKind kind, float[] values);

  /**
   * Opens a payload: bounds are checked here, before memory is allocated. The page may go on using
   * the payload's bytes, which must not change as long as the page is in use.
   *
   * @throws IllegalArgumentException for a payload of the wrong size or content
   */
  Page open(PageShape shape, PageKind kind, ByteBuffer payload);
}
