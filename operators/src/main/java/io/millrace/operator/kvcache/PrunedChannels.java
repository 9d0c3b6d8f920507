package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Key channels pruned by what queries read of them, ThinK (Xu, Jie, Dong et al., 2024, arXiv
 * 2407.21018): channel j of a head scores mean(q_j^2) mean(k_j^2) over the page's tokens, and the
 * lowest floor(d share) of a head are left out; equal scores keep the lower channel. Values lose
 * nothing. What stays is a page of fewer channels for another codec, as in the paper with KIVI.
 * What differs: query moments come from the stream, not from the last 32 queries of a prompt.
 *
 * <pre>
 * keys    ceil(h d / 8)   bit i: channel i of the token is kept
 *         payload of the base codec for [n x h x kept]
 * values  payload of the base codec
 * </pre>
 *
 * <p>Bits of keys: those of the base times kept / d, and 1 / n. Two operations a value beyond the
 * base codec's. Scores gather the query's kept channels and ask the base page.
 */
public final class PrunedChannels implements PageCodec {
  private final int prunedPercent;
  private final PageCodec base;
  private final float[] queryMeanSquares;

  /**
   * @param prunedPercent 1 to 99
   * @param base {@link Exact} with 16 bits, {@link Kivi} or {@link RoundToNearest}
   * @param queryMeanSquares [h x d], finite and at least 0; empty for reading only
   * @throws IllegalArgumentException for other settings
   */
  public PrunedChannels(int prunedPercent, PageCodec base, float[] queryMeanSquares) {
    if (prunedPercent < 1 || prunedPercent > 99) {
      throw new IllegalArgumentException(
          "pruned share: got " + prunedPercent + " %, expected 1 to 99");
    }
    requireBase(base.id());
    for (float square : queryMeanSquares) {
      if (!(square >= 0 && square < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "mean square of queries: got " + square + ", expected at least 0 and finite");
      }
    }
    this.prunedPercent = prunedPercent;
    this.base = base;
    this.queryMeanSquares = queryMeanSquares.clone();
  }

  /**
   * The codec of a page, which only reads.
   *
   * @throws IllegalArgumentException for impossible parameters
   */
  static PrunedChannels reading(int parameters) {
    byte baseId = (byte) (parameters >>> 8);
    requireBase(baseId);
    return new PrunedChannels(
        parameters & 0xff, PageCodecs.withoutModel(baseId, parameters >>> 16), new float[0]);
  }

  @Override
  public byte id() {
    return PageCodecs.PRUNED_CHANNELS;
  }

  @Override
  public int parameters() {
    return prunedPercent | base.id() << 8 | base.parameters() << 16;
  }

  @Override
  public String name() {
    return "think-" + prunedPercent + (base instanceof Exact ? "" : "-" + base.name());
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    if (kind == PageKind.VALUES) {
      return base.encode(shape, kind, values);
    }
    if (queryMeanSquares.length != shape.channels()) {
      throw new IllegalArgumentException(
          "queries have "
              + queryMeanSquares.length
              + " mean squares, the page's keys "
              + shape.channels()
              + " channels");
    }
    int[] kept = kept(shape, values);
    PageShape less = less(shape);
    float[] left = new float[less.values()];
    for (int token = 0; token < shape.tokens(); token++) {
      for (int i = 0; i < kept.length; i++) {
        left[token * kept.length + i] = values[token * shape.channels() + kept[i]];
      }
    }
    byte[] payload = base.encode(less, kind, left);
    int[] marks = new int[shape.channels()];
    for (int channel : kept) {
      marks[channel] = 1;
    }
    ByteBuffer out =
        ByteBuffer.allocate(PackedIntegers.bytes(marks.length, 1) + payload.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    PackedIntegers.put(out, marks, marks.length, 1);
    return out.put(payload).array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    if (kind == PageKind.VALUES) {
      return base.open(shape, kind, payload);
    }
    int mapBytes = PackedIntegers.bytes(shape.channels(), 1);
    if (payload.remaining() < mapBytes) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, its map of channels needs " + mapBytes);
    }
    int[] marks = new int[shape.channels()];
    PackedIntegers.get(payload, marks, marks.length, 1);
    PageShape less = less(shape);
    int d = shape.headDimension();
    int[] channels = new int[less.channels()];
    for (int head = 0; head < shape.heads(); head++) {
      int count = Arrays.stream(marks, head * d, (head + 1) * d).sum();
      if (count != less.headDimension()) {
        throw new IllegalArgumentException(
            "head " + head + " has " + count + " channels, expected " + less.headDimension());
      }
    }
    int place = 0;
    for (int channel = 0; channel < marks.length; channel++) {
      if (marks[channel] == 1) {
        channels[place++] = channel % d;
      }
    }
    Page basePage = base.open(less, kind, payload);
    return new PrunedPage(shape, basePage, channels, new float[less.headDimension()]);
  }

  private static void requireBase(byte id) {
    if (id != PageCodecs.EXACT_FLOAT16
        && id != PageCodecs.KIVI
        && id != PageCodecs.ROUND_TO_NEAREST) {
      throw new IllegalArgumentException(
          "pruned channels are coded by codec " + id + ", expected fp16, KIVI or round-to-nearest");
    }
  }

  private PageShape less(PageShape shape) {
    int d = shape.headDimension();
    return new PageShape(shape.tokens(), shape.heads(), d - d * prunedPercent / 100);
  }

  /** Kept channels of the token, rising. */
  private int[] kept(PageShape shape, float[] values) {
    double[] scores = new double[shape.channels()];
    for (int i = 0; i < shape.values(); i++) {
      scores[i % scores.length] += (double) values[i] * values[i];
    }
    for (int channel = 0; channel < scores.length; channel++) {
      scores[channel] *= queryMeanSquares[channel];
    }
    return ChannelOrder.largestOfEachHead(
        scores, shape.headDimension(), less(shape).headDimension());
  }

  /**
   * A page of fewer channels: the rest is zero.
   *
   * @param channels [h x kept], channel of the head
   * @param left [kept], scratch
   */
  private record PrunedPage(PageShape shape, Page base, int[] channels, float[] left)
      implements Page {

    @Override
    public void restore(float[] values) {
      PageShape less = base.shape();
      float[] restored = new float[less.values()];
      base.restore(restored);
      Arrays.fill(values, 0, shape.values(), 0f);
      for (int i = 0; i < restored.length; i++) {
        int vector = i / less.headDimension();
        values[vector * shape.headDimension() + channels[i % channels.length]] = restored[i];
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      for (int i = 0; i < left.length; i++) {
        left[i] = query[queryFrom + channels[head * left.length + i]];
      }
      base.scores(head, left, 0, scores, scoresFrom);
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      Arrays.fill(left, 0f);
      base.accumulate(head, weights, weightsFrom, left, 0);
      for (int i = 0; i < left.length; i++) {
        out[outFrom + channels[head * left.length + i]] += left[i];
      }
    }
  }
}
