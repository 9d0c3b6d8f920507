package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * KIVI with bits of its own for each head, from a budget that the stream has learned (entropy of a
 * head as in UNComp, Xiong et al., 2024, arXiv 2410.03090, or one water level over all heads).
 * UNComp spends tokens and keeps 16 bits; ours spends bits and keeps all tokens. Heads of values
 * whose dimension holds no whole group of channels are coded along tokens, like keys.
 *
 * <pre>
 * bits      h          of a code: 2, 3 or 4
 * heads     for each   a {@link Kivi} page of it alone
 * </pre>
 *
 * <p>A head costs b + 1 bits a value, the page 8 / (n d) more. The page opens without the budget.
 */
public final class BudgetedHeads implements PageCodec {
  static final int GROUP = 32;
  private static final int FEWEST = 2;
  private static final int MOST = 4;

  /** Bits a value that a step and a minimum cost. */
  private static final int SIDE_BITS = 32 / GROUP;

  private final byte[] codeBits;
  private final Kivi[] codecs = new Kivi[MOST + 1];

  /**
   * The codec of a page of any budget.
   *
   * @throws IllegalArgumentException for impossible parameters
   */
  static BudgetedHeads reading(int parameters) {
    if (parameters != GROUP) {
      throw new IllegalArgumentException("group: got " + parameters + ", expected " + GROUP);
    }
    return new BudgetedHeads(new byte[0]);
  }

  /** Spends a budget. */
  public BudgetedHeads(HeadBudgetModel budget) {
    this(codeBits(budget.bits()));
  }

  private BudgetedHeads(byte[] codeBits) {
    this.codeBits = codeBits;
    for (int bits = FEWEST; bits <= MOST; bits++) {
      codecs[bits] = new Kivi(bits, GROUP);
    }
  }

  /**
   * Whole bits for each head: those below its budget, then one more for the heads that are farthest
   * below theirs as long as the total allows, or one less for those farthest above.
   *
   * @param budget [h] bits a value, side data counted; a total below 3 h is raised to that
   */
  static byte[] codeBits(float[] budget) {
    byte[] bits = new byte[budget.length];
    double rest = 0;
    for (int head = 0; head < bits.length; head++) {
      int below = (int) Math.floor(budget[head] - SIDE_BITS);
      bits[head] = (byte) Math.max(FEWEST, Math.min(MOST, below));
      rest += budget[head] - bits[head] - SIDE_BITS;
    }
    for (int change; (change = rest >= 1 - 1e-3 ? 1 : rest < -1e-3 ? -1 : 0) != 0; rest -= change) {
      int chosen = -1;
      for (int head = 0; head < bits.length; head++) {
        boolean possible = change > 0 ? bits[head] < MOST : bits[head] > FEWEST;
        if (possible
            && (chosen < 0
                || change * (budget[head] - bits[head])
                    > change * (budget[chosen] - bits[chosen]))) {
          chosen = head;
        }
      }
      if (chosen < 0) {
        break;
      }
      bits[chosen] += (byte) change;
    }
    return bits;
  }

  @Override
  public byte id() {
    return PageCodecs.HEAD_BUDGET;
  }

  @Override
  public int parameters() {
    return GROUP;
  }

  @Override
  public String name() {
    return "kivi-budget";
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    if (codeBits.length != shape.heads()) {
      throw new IllegalArgumentException(
          "page has " + shape.heads() + " heads, its budget " + codeBits.length);
    }
    ByteBuffer out =
        ByteBuffer.allocate(codeBits.length + headBytes(shape, codeBits))
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(codeBits);
    PageShape one = one(shape);
    float[] vectors = new float[one.values()];
    int d = shape.headDimension();
    for (int head = 0; head < codeBits.length; head++) {
      for (int token = 0; token < shape.tokens(); token++) {
        System.arraycopy(values, (token * shape.heads() + head) * d, vectors, token * d, d);
      }
      out.put(codecs[codeBits[head]].encode(one, along(shape, kind), vectors));
    }
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    if (payload.remaining() < shape.heads()) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes for " + shape.heads() + " heads");
    }
    byte[] bits = new byte[shape.heads()];
    payload.get(bits);
    for (byte head : bits) {
      if (head < FEWEST || head > MOST) {
        throw new IllegalArgumentException("head has " + head + " bits, expected 2 to 4");
      }
    }
    int expected = headBytes(shape, bits);
    if (payload.remaining() != expected) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes of heads, expected " + expected);
    }
    PageShape one = one(shape);
    Page[] pages = new Page[bits.length];
    for (int head = 0; head < bits.length; head++) {
      int bytes = headBytes(shape, Arrays.copyOfRange(bits, head, head + 1));
      ByteBuffer codes = payload.slice(payload.position(), bytes).order(ByteOrder.LITTLE_ENDIAN);
      pages[head] = codecs[bits[head]].open(one, along(shape, kind), codes);
      payload.position(payload.position() + bytes);
    }
    return new HeadPages(shape, pages);
  }

  private static PageShape one(PageShape shape) {
    return new PageShape(shape.tokens(), 1, shape.headDimension());
  }

  private static PageKind along(PageShape shape, PageKind kind) {
    return shape.headDimension() % GROUP == 0 ? kind : PageKind.KEYS;
  }

  private static int headBytes(PageShape shape, byte[] bits) {
    int bytes = 0;
    for (byte head : bits) {
      bytes += Kivi.bytes(one(shape), head, GROUP);
    }
    return bytes;
  }

  /** A page for each head. */
  private record HeadPages(PageShape shape, Page[] heads) implements Page {

    @Override
    public void restore(float[] values) {
      int d = shape.headDimension();
      float[] vectors = new float[shape.tokens() * d];
      for (int head = 0; head < heads.length; head++) {
        heads[head].restore(vectors);
        for (int token = 0; token < shape.tokens(); token++) {
          System.arraycopy(vectors, token * d, values, (token * heads.length + head) * d, d);
        }
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      heads[head].scores(0, query, queryFrom, scores, scoresFrom);
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      heads[head].accumulate(0, weights, weightsFrom, out, outFrom);
    }
  }
}
