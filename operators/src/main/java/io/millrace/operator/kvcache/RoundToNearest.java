package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;

/**
 * Plain round-to-nearest along the channels of a token, symmetric, one half-precision step a group:
 * the base line of every comparison (with 8 and 4 bits and groups of 32 what ggml calls q8_0 and
 * q4_0).
 *
 * <p>Layout: {@link TokenPage}. Bits b + 16 / group a value.
 */
public final class RoundToNearest implements PageCodec {
  private final int bits;
  private final int group;
  private final TokenPage.Settings settings;
  private final GroupSteps scratch = new GroupSteps();

  /**
   * @param bits 2, 3, 4 or 8
   * @param group 16, 32, 64 or 128: divides the channels of a token
   * @throws IllegalArgumentException for other settings
   */
  public RoundToNearest(int bits, int group) {
    if (bits < 2 || bits > 4 && bits != 8) {
      throw new IllegalArgumentException("bits: got " + bits + ", expected 2, 3, 4 or 8");
    }
    if (group != 16 && group != 32 && group != 64 && group != 128) {
      throw new IllegalArgumentException("group: got " + group + ", expected 16, 32, 64 or 128");
    }
    this.bits = bits;
    this.group = group;
    this.settings = new TokenPage.Settings(bits, group, true);
  }

  @Override
  public byte id() {
    return PageCodecs.ROUND_TO_NEAREST;
  }

  @Override
  public int parameters() {
    return bits | group << 8;
  }

  @Override
  public String name() {
    return "rtn-" + bits;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    requireGroups(shape);
    return TokenPage.encode(shape, settings, values, scratch);
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireGroups(shape);
    Page page = TokenPage.open(shape, settings, payload);
    PageCodecs.requireEnd(payload);
    return page;
  }

  private void requireGroups(PageShape shape) {
    if (shape.channels() % group != 0) {
      throw new IllegalArgumentException(
          "page has " + shape.channels() + " channels, expected a multiple of the group, " + group);
    }
  }
}
