package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * KIVI and what it leaves over, GEAR (Kang, Zhang, Kundu et al., 2024, arXiv 2403.05527): X = Q(X -
 * S) + L + S. S takes the largest and the smallest entries of each vector, a channel of keys or a
 * token of values; the mean of the others stands in their place when the page is quantised. L is
 * the residual's best approximation of low rank for each head, by power iteration. Both sections
 * are optional.
 *
 * <p>What differs: S keeps what it corrects, x - (Q + L), so that all three are linear and scores
 * and sums add them up; a vector has at least one outlier on each side where there are any; and the
 * iteration starts from fixed numbers.
 *
 * <pre>
 * base         KIVI payload
 * outliers     {@link OutlierSection}: places, then 2 x vectors x 2k halves
 * factors      {@link LowRankSection}: 2 x h x r x (n + d)
 * </pre>
 *
 * <p>Bits: the base's b + 1, 2k (16 + log2 length) / length for the outliers of a vector, 16 r (n +
 * d) / (n d) for the factors. 6 r multiply-adds a value and a sort of each vector, beyond the
 * base's.
 */
public final class Gear implements PageCodec {
  private static final int GROUP = 32;

  private final int bits;
  private final int outlierPerMille;
  private final int rank;
  private final Kivi base;

  /**
   * @param bits of the base, 2 to 4
   * @param outlierPerMille share of a vector's entries kept exactly, both sides together, 0 to 250
   * @param rank of each head's residual, 0 to 255; a page has at most min(n, d)
   * @throws IllegalArgumentException for other settings
   */
  public Gear(int bits, int outlierPerMille, int rank) {
    if (outlierPerMille < 0 || outlierPerMille > 250) {
      throw new IllegalArgumentException(
          "outliers: got " + outlierPerMille + " of a thousand, expected 0 to 250");
    }
    if (rank < 0 || rank > 255) {
      throw new IllegalArgumentException("rank: got " + rank + ", expected 0 to 255");
    }
    this.base = new Kivi(bits, GROUP);
    this.bits = bits;
    this.outlierPerMille = outlierPerMille;
    this.rank = rank;
  }

  /**
   * The codec of a page.
   *
   * @throws IllegalArgumentException for impossible parameters
   */
  static Gear reading(int parameters) {
    return new Gear(parameters & 0xff, parameters >>> 8 & 0xff, parameters >>> 16);
  }

  @Override
  public byte id() {
    return PageCodecs.OUTLIERS_LOW_RANK;
  }

  @Override
  public int parameters() {
    return bits | outlierPerMille << 8 | rank << 16;
  }

  @Override
  public String name() {
    return "gear-" + bits;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    OutlierSection outliers = OutlierSection.of(shape, kind, outlierPerMille);
    LowRankSection factors = new LowRankSection(shape, rank);
    float[] body = values.clone();
    outliers.choose(body);
    byte[] payload = base.encode(shape, kind, body);
    float[] coded = new float[body.length];
    base.open(shape, kind, wrap(payload)).restore(coded);
    Kernels.scale(-1f, coded, 0, coded.length);
    Kernels.axpy(1f, coded, 0, body, 0, body.length);
    factors.approximate(body);
    Kernels.scale(-1f, coded, 0, coded.length);
    factors.addTo(coded);
    ByteBuffer out =
        ByteBuffer.allocate(payload.length + outliers.bytes() + factors.bytes())
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(payload);
    outliers.putCorrections(out, values, coded);
    factors.put(out);
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    OutlierSection outliers = OutlierSection.of(shape, kind, outlierPerMille);
    LowRankSection factors = new LowRankSection(shape, rank);
    int sections = outliers.bytes() + factors.bytes();
    int baseBytes = payload.remaining() - sections;
    if (baseBytes < 0) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, its outliers and factors need " + sections);
    }
    ByteBuffer basePayload =
        payload.slice(payload.position(), baseBytes).order(ByteOrder.LITTLE_ENDIAN);
    Page basePage = base.open(shape, kind, basePayload);
    payload.position(payload.position() + baseBytes);
    outliers.get(payload);
    factors.get(payload);
    return new GearPage(basePage, outliers, factors);
  }

  private static ByteBuffer wrap(byte[] payload) {
    return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The sum of three pages. */
  private record GearPage(Page base, OutlierSection outliers, LowRankSection factors)
      implements Page {

    @Override
    public PageShape shape() {
      return base.shape();
    }

    @Override
    public void restore(float[] values) {
      base.restore(values);
      factors.addTo(values);
      outliers.addTo(values);
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      base.scores(head, query, queryFrom, scores, scoresFrom);
      factors.addScores(head, query, queryFrom, scores, scoresFrom);
      outliers.addScores(head, query, queryFrom, scores, scoresFrom);
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      base.accumulate(head, weights, weightsFrom, out, outFrom);
      factors.accumulate(head, weights, weightsFrom, out, outFrom);
      outliers.accumulate(head, weights, weightsFrom, out, outFrom);
    }
  }
}
