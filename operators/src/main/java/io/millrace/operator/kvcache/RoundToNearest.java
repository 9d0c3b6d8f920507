package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Plain round-to-nearest along the channels of a token, symmetric, one half-precision step a group:
 * the base line of every comparison (with 8 and 4 bits and groups of 32 what ggml calls q8_0 and
 * q4_0).
 *
 * <p>Layout: {@link GroupedCodes} of [n rows, h x d columns]. Bits b + 16 / group a value.
 */
public final class RoundToNearest implements PageCodec {
  private final int bits;
  private final int group;

  /**
   * @param bits 2 to 8
   * @param group 16, 32, 64 or 128: divides the channels of a token
   * @throws IllegalArgumentException for other settings
   */
  public RoundToNearest(int bits, int group) {
    if (bits < 2 || bits > 8) {
      throw new IllegalArgumentException("bits: got " + bits + ", expected 2 to 8");
    }
    if (group != 16 && group != 32 && group != 64 && group != 128) {
      throw new IllegalArgumentException("group: got " + group + ", expected 16, 32, 64 or 128");
    }
    this.bits = bits;
    this.group = group;
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
    ByteBuffer out =
        ByteBuffer.allocate(GroupedCodes.bytes(shape.tokens(), shape.channels(), group, bits, true))
            .order(ByteOrder.LITTLE_ENDIAN);
    GroupedCodes.encode(values, shape.tokens(), shape.channels(), group, bits, true, out);
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    GroupedCodes codes =
        GroupedCodes.open(payload, shape.tokens(), shape.channels(), group, bits, true);
    PageCodecs.requireEnd(payload);
    return new TokenPage(shape, codes);
  }
}
