package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Pages in a learned basis: z = (x - mean)'components, rounded with one step, entropy-coded with
 * static tables. Components by falling variance, tokens inside, so that a reader may stop early.
 * Keys belong before the rotary step: after it the same basis needs two to four times the bits.
 *
 * <p>Layout: a {@link NumeralCoder} stream of r x n values. c r multiply-adds a token each way;
 * weighted sums of values need r a token and one product at the end.
 */
final class LearnedTransform implements PageCodec {
  private static final int LIMIT = Short.MAX_VALUE;

  private final TransformBasis basis;
  private final GemmScratch scratch = new GemmScratch();

  LearnedTransform(TransformBasis basis) {
    this.basis = basis;
  }

  @Override
  public byte id() {
    return PageCodecs.LEARNED_TRANSFORM;
  }

  @Override
  public int parameters() {
    return 0;
  }

  @Override
  public String name() {
    return "transform";
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    requireChannels(shape);
    int n = shape.tokens();
    int c = basis.channels();
    int r = basis.components();
    // [c x n], so that components come out as rows
    float[] centred = new float[n * c];
    Kernels.transpose(values, 0, centred, 0, n, c);
    for (int channel = 0; channel < c; channel++) {
      for (int i = channel * n; i < (channel + 1) * n; i++) {
        centred[i] -= basis.mean()[channel];
      }
    }
    float[] components = new float[r * n];
    Kernels.gemm(basis.rows(), 0, centred, 0, components, 0, r, n, c, scratch);
    NumeralCoder.Writer writer = new NumeralCoder.Writer();
    float inverse = 1 / basis.step();
    for (int i = r * n - 1; i >= 0; i--) {
      int code = Math.max(-LIMIT, Math.min(LIMIT, Math.round(components[i] * inverse)));
      writer.add(i, code, basis.table(i / n));
    }
    return writer.finish();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireChannels(shape);
    int n = shape.tokens();
    int r = basis.components();
    NumeralCoder.Reader reader = new NumeralCoder.Reader(payload.order(ByteOrder.LITTLE_ENDIAN));
    float[] components = new float[r * n];
    for (int i = 0; i < components.length; i++) {
      components[i] = reader.next(i, basis.table(i / n)) * basis.step();
    }
    reader.end();
    return new TransformPage(shape, basis, components);
  }

  private void requireChannels(PageShape shape) {
    if (shape.channels() != basis.channels()) {
      throw new IllegalArgumentException(
          "page has " + shape.channels() + " channels, its basis " + basis.channels());
    }
  }

  /**
   * @param components [r x n]
   */
  private record TransformPage(PageShape shape, TransformBasis basis, float[] components)
      implements Page {

    @Override
    public void restore(float[] values) {
      int n = shape.tokens();
      int c = basis.channels();
      int r = basis.components();
      float[] tokens = new float[n * r];
      Kernels.transpose(components, 0, tokens, 0, r, n);
      Kernels.gemm(tokens, 0, basis.rows(), 0, values, 0, n, c, r, new GemmScratch());
      for (int token = 0; token < n; token++) {
        Kernels.axpy(1f, basis.mean(), 0, values, token * c, c);
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      int d = shape.headDimension();
      int c = basis.channels();
      int n = shape.tokens();
      Arrays.fill(
          scores,
          scoresFrom,
          scoresFrom + n,
          Kernels.dot(query, queryFrom, basis.mean(), head * d, d));
      for (int j = 0; j < basis.components(); j++) {
        float weight = Kernels.dot(query, queryFrom, basis.rows(), j * c + head * d, d);
        Kernels.axpy(weight, components, j * n, scores, scoresFrom, n);
      }
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      int d = shape.headDimension();
      int c = basis.channels();
      int n = shape.tokens();
      float total = 0f;
      for (int token = 0; token < n; token++) {
        total += weights[weightsFrom + token];
      }
      Kernels.axpy(total, basis.mean(), head * d, out, outFrom, d);
      for (int j = 0; j < basis.components(); j++) {
        float sum = Kernels.dot(weights, weightsFrom, components, j * n, n);
        Kernels.axpy(sum, basis.rows(), j * c + head * d, out, outFrom, d);
      }
    }
  }
}
