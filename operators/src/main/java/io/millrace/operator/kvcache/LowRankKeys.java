package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import io.millrace.operator.Models;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * Tokens in the leading components of all heads, as CSKV compresses history (Wang, Li, Ning et al.,
 * 2024, arXiv 2409.10593): z = components (x - mean), the first r of c. What differs: CSKV fits
 * both factors to the weights of the projection, which a stream does not have; ours are the
 * principal components that the stream has shown, and keys come before the rotary step. What stays
 * is a page of one head of r channels for another codec; a reader turns after restoring.
 *
 * <p>Layout: payload of the base codec for [n x 1 x r], r = min(components of the basis, c percent
 * / 100, at least 1). The version of the basis is named by the page's record.
 *
 * <p>Bits r / c of the base codec's: 16, or 4 + 32 / 32. c r multiply-adds a token each way; scores
 * and sums take d r and then work on the base page.
 */
public final class LowRankKeys implements PageCodec {
  private final int percent;
  private final PageCodec base;
  private final TransformBasis basis;
  private final int rank;
  private final GemmScratch scratch = new GemmScratch();
  private float[] columns = new float[0];

  /**
   * @param percent of the channels that is kept, 1 to 100
   * @param base {@link Exact} with 16 bits, or {@link Kivi}
   * @throws IllegalArgumentException for other settings
   */
  LowRankKeys(int percent, PageCodec base, TransformBasis basis) {
    if (percent < 1 || percent > 100) {
      throw new IllegalArgumentException("kept share: got " + percent + " %, expected 1 to 100");
    }
    requireBase(base.id());
    this.percent = percent;
    this.base = base;
    this.basis = basis;
    int share = Math.max(1, basis.channels() * percent / 100);
    this.rank = Math.min(basis.componentCount(), share);
  }

  /**
   * The codec of a page.
   *
   * @throws IllegalArgumentException for impossible parameters
   */
  static LowRankKeys reading(int parameters, TransformBasis basis) {
    byte baseId = (byte) (parameters >>> 8);
    requireBase(baseId);
    PageCodec base = PageCodecs.withoutModel(baseId, parameters >>> 16);
    return new LowRankKeys(parameters & 0xff, base, basis);
  }

  @Override
  public byte id() {
    return PageCodecs.LOW_RANK_KEYS;
  }

  @Override
  public int parameters() {
    return percent | base.id() << 8 | base.parameters() << 16;
  }

  @Override
  public String name() {
    return "cskv-" + percent + (base instanceof Exact ? "" : "-" + base.name());
  }

  @Override
  public Optional<Models.Model> model() {
    return Optional.of(basis);
  }

  @Override
  public boolean codesBeforeRotary() {
    return true;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    requireChannels(shape);
    int n = shape.tokens();
    int c = basis.channels();
    if (columns.length == 0) {
      columns = new float[rank * c];
      Kernels.transpose(basis.components(), 0, columns, 0, rank, c);
    }
    float[] centred = values.clone();
    for (int token = 0; token < n; token++) {
      Kernels.axpy(-1f, basis.mean(), 0, centred, token * c, c);
    }
    float[] coefficients = new float[n * rank];
    Kernels.gemm(centred, 0, columns, 0, coefficients, 0, n, rank, c, scratch);
    return base.encode(coefficientShape(shape), PageKind.KEYS, coefficients);
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireChannels(shape);
    Page coefficients = base.open(coefficientShape(shape), PageKind.KEYS, payload);
    return new LowRankPage(shape, basis, coefficients, new float[rank]);
  }

  private static void requireBase(byte id) {
    if (id != PageCodecs.EXACT_FLOAT16 && id != PageCodecs.KIVI) {
      throw new IllegalArgumentException(
          "components are coded by codec " + id + ", expected fp16 or KIVI");
    }
  }

  private void requireChannels(PageShape shape) {
    if (shape.channels() != basis.channels()) {
      throw new IllegalArgumentException(
          "page has " + shape.channels() + " channels, its basis " + basis.channels());
    }
  }

  private PageShape coefficientShape(PageShape shape) {
    return new PageShape(shape.tokens(), 1, rank);
  }

  /**
   * Mean and coefficients.
   *
   * @param coefficients [n x 1 x r]
   * @param along [r], scratch
   */
  private record LowRankPage(
      PageShape shape, TransformBasis basis, Page coefficients, float[] along) implements Page {

    @Override
    public void restore(float[] values) {
      int n = shape.tokens();
      int c = basis.channels();
      int r = along.length;
      float[] restored = new float[n * r];
      coefficients.restore(restored);
      Kernels.gemm(restored, 0, basis.components(), 0, values, 0, n, c, r, new GemmScratch());
      for (int token = 0; token < n; token++) {
        Kernels.axpy(1f, basis.mean(), 0, values, token * c, c);
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      int d = shape.headDimension();
      for (int j = 0; j < along.length; j++) {
        int component = j * basis.channels() + head * d;
        along[j] = Kernels.dot(query, queryFrom, basis.components(), component, d);
      }
      coefficients.scores(0, along, 0, scores, scoresFrom);
      float shift = Kernels.dot(query, queryFrom, basis.mean(), head * d, d);
      for (int i = scoresFrom; i < scoresFrom + shape.tokens(); i++) {
        scores[i] += shift;
      }
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      int d = shape.headDimension();
      Arrays.fill(along, 0f);
      coefficients.accumulate(0, weights, weightsFrom, along, 0);
      float total = 0f;
      for (int i = weightsFrom; i < weightsFrom + shape.tokens(); i++) {
        total += weights[i];
      }
      Kernels.axpy(total, basis.mean(), head * d, out, outFrom, d);
      for (int j = 0; j < along.length; j++) {
        int component = j * basis.channels() + head * d;
        Kernels.axpy(along[j], basis.components(), component, out, outFrom, d);
      }
    }
  }
}
