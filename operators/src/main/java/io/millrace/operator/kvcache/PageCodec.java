package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/**
 * One way to compress a page. A page is encoded once, from its own tokens only; the bytes are a
 * pure function of its values and the codec's settings. Stateless but for scratch memory: one
 * thread.
 */
public interface PageCodec {

  /** Explicit number on the wire, never reused. */
  byte id();

  /** Name in settings and reports, with its bits, for example kivi-2. */
  String name();

  /**
   * The payload of a page, little-endian.
   *
   * @param values [n x h x d], finite; not modified
   * @throws IllegalArgumentException for a shape that the codec cannot take
   */
  byte[] encode(PageShape shape, PageKind kind, float[] values);

  /**
   * Opens a payload: bounds are checked here, before memory is allocated.
   *
   * @throws IllegalArgumentException for a payload of the wrong size or content
   */
  Page open(PageShape shape, PageKind kind, ByteBuffer payload);
}
