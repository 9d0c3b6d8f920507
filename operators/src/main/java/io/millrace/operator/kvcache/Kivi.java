package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * KIVI (Liu, Yuan, Jin et al., 2024, arXiv 2402.02750): asymmetric quantisation, keys per channel
 * over a group of tokens, values per token over a group of channels. What differs: a page holds
 * whole groups only and is cut when more than the window is held, so the exact window never
 * shrinks; a constant group restores exactly where the original divides by zero.
 *
 * <pre>
 * keys    GroupedCodes of [h x d rows, n columns], groups along tokens
 * values  GroupedCodes of [n rows, h x d columns], groups along channels
 * </pre>
 *
 * <p>Bits b + 32 / group a value (3-bit codes take 3.2). Scores and sums read the codes as they
 * are: the steps are folded into the query or the weights.
 */
public final class Kivi implements PageCodec {
  private final int bits;
  private final int group;
  private float[] transposed = new float[0];

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
    int tokens = shape.tokens();
    int channels = shape.channels();
    int rows = rows(shape, kind);
    int columns = shape.values() / rows;
    ByteBuffer out =
        ByteBuffer.allocate(GroupedCodes.bytes(rows, columns, group, bits, false))
            .order(ByteOrder.LITTLE_ENDIAN);
    float[] matrix = values;
    if (kind == PageKind.KEYS) {
      if (transposed.length < shape.values()) {
        transposed = new float[shape.values()];
      }
      Kernels.transpose(values, 0, transposed, 0, tokens, channels);
      matrix = transposed;
    }
    GroupedCodes.encode(matrix, rows, columns, group, bits, false, out);
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    int rows = rows(shape, kind);
    GroupedCodes codes =
        GroupedCodes.open(payload, rows, shape.values() / rows, group, bits, false);
    PageCodecs.requireEnd(payload);
    return kind == PageKind.KEYS ? new ChannelPage(shape, codes) : new TokenPage(shape, codes);
  }

  private int rows(PageShape shape, PageKind kind) {
    int alongGroup = kind == PageKind.KEYS ? shape.tokens() : shape.channels();
    if (alongGroup % group != 0) {
      throw new IllegalArgumentException(
          "page has "
              + alongGroup
              + (kind == PageKind.KEYS ? " tokens" : " channels")
              + ", expected a multiple of the group, "
              + group);
    }
    return kind == PageKind.KEYS ? shape.channels() : shape.tokens();
  }
}
