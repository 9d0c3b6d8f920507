package io.millrace.operator.kvcache;

import io.millrace.kernel.ColumnCodes;
import java.nio.ByteBuffer;

/**
 * KIVI (Liu, Yuan, Jin et al., 2024, arXiv 2402.02750): asymmetric quantisation, keys per channel
 * over a group of tokens, values per token over a group of channels. What differs: a page holds
 * whole groups only and is cut when more than the window is held, so the exact window never
 * shrinks; a constant group restores exactly where the original divides by zero.
 *
 * <p>Layout: of keys {@link ChannelPage}, of values {@link TokenPage}. Bits b + 32 / group a value.
 * Scores of keys and sums of values read the codes as they are.
 */
public final class Kivi implements PageCodec {
  private final int bits;
  private final int group;
  private final GroupSteps scratch = new GroupSteps();

  /**
   * @param bits 2, 3 or 4
   * @param group 32, 64 or 128: divides the page's tokens and the channels of a token
   * @throws IllegalArgumentException for other settings
   */
  public Kivi(int bits, int group) {
    if (bits < 2 || bits > 4) {
      throw new IllegalArgumentException("bits: got " + bits + ", expected 2 to 4");
    }
    if (group != 32 && group != 64 && group != 128) {
      throw new IllegalArgumentException("group: got " + group + ", expected 32, 64 or 128");
    }
    this.bits = bits;
    this.group = group;
  }

  /** Bytes of a page, of keys or values. */
  static int bytes(PageShape shape, int bits, int group) {
    return ColumnCodes.bytes(shape.tokens(), shape.channels(), bits)
        + 2 * Short.BYTES * (shape.values() / group);
  }

  @Override
  public byte id() {
    return PageCodecs.KIVI;
  }

  @Override
  public int parameters() {
    return bits | group << 8;
  }

  @Override
  public String name() {
    return "kivi-" + bits;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    requireGroups(shape, kind);
    return kind == PageKind.KEYS
        ? ChannelPage.encode(shape, group, bits, values, scratch)
        : TokenPage.encode(shape, valueSettings(), values, scratch);
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireGroups(shape, kind);
    Page page =
        kind == PageKind.KEYS
            ? ChannelPage.open(shape, group, bits, payload)
            : TokenPage.open(shape, valueSettings(), payload);
    PageCodecs.requireEnd(payload);
    return page;
  }

  private TokenPage.Settings valueSettings() {
    return new TokenPage.Settings(bits, group, false);
  }

  private void requireGroups(PageShape shape, PageKind kind) {
    int alongGroup = kind == PageKind.KEYS ? shape.tokens() : shape.channels();
    if (alongGroup % group != 0) {
      throw new IllegalArgumentException(
          "page has "
              + alongGroup
              + (kind == PageKind.KEYS ? " tokens" : " channels")
              + ", expected a multiple of the group, "
              + group);
    }
  }
}
