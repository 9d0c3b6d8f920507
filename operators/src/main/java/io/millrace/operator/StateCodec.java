package io.millrace.operator;

/**
 * Turns a state into bytes and back, in sections, so that a checkpoint rewrites only what changed:
 * a small section that moves with every record, large ones that move seldom.
 *
 * <p>Section bytes describe themselves (see {@link StateHeader}): decoding needs no settings.
 *
 * @param <S> the state
 */
public interface StateCodec<S> {

  /** Number of sections, fixed per codec, at least 1. */
  int sections();

  /**
   * A number that differs whenever the section's bytes may differ from those encoded before; equal
   * revisions of one heap object mean equal bytes.
   */
  long revision(S state, int section);

  /** The bytes of one section. The state is not modified. */
  byte[] encode(S state, int section);

  /**
   * The state behind {@code sections} arrays, one a section.
   *
   * @throws IllegalArgumentException for truncated, damaged or newer bytes, before any allocation
   *     larger than the bytes themselves justify
   */
  S decode(byte[][] sections);

  /** Size of the state on the heap, bytes, approximately. */
  long heapBytes(S state);
}
