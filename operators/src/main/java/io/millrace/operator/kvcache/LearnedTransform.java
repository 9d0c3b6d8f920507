package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import io.millrace.operator.Models;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * Pages in a learned basis: z = components (x - mean), rounded with one step, entropy-coded with
 * static tables. Components by falling variance, tokens inside, so that a reader may stop early.
 * Keys belong before the rotary step: after it the same basis needs two to four times the bits.
 *
 * <pre>
 * offset  size  field (little-endian)
 *      0     4  step     float32
 *      4         low bits of components that are larger than any table: {@link PlainBits} rows
 *                a {@link NumeralCoder} stream of r x n values
 * </pre>
 *
 * <p>r is what {@link ComponentTables} keeps at the step. c r multiply-adds a token each way;
 * weighted sums of values need r a token and one product at the end. The version of the basis is
 * named by the page's record. Source: see {@link TransformBasis}; one basis a layer and static
 * tables instead of DEFLATE are ours.
 */
final class LearnedTransform implements PageCodec {
  static final String NAME = "transform-";
  static final double SMALLEST_RATE = 0.5;
  static final double LARGEST_RATE = 8;

  private static final int LIMIT = Short.MAX_VALUE;

  /** The likeliest symbol of any table costs more than 1/16 bit. */
  private static final int MOST_VALUES_A_BYTE = 128;

  private final TransformBasis basis;
  private final int hundredths;
  private final ComponentTables tables;
  private final GemmScratch scratch = new GemmScratch();

  /**
   * @param hundredths of a bit that a value costs when pages are as the basis expects them: its
   *     entropy code and all, without the frame
   * @throws IllegalArgumentException for a rate out of range
   */
  LearnedTransform(TransformBasis basis, int hundredths) {
    if (hundredths < 100 * SMALLEST_RATE || hundredths > 100 * LARGEST_RATE) {
      throw new IllegalArgumentException(
          "transform has "
              + hundredths
              + " hundredths of a bit a value, expected "
              + (int) (100 * SMALLEST_RATE)
              + " to "
              + (int) (100 * LARGEST_RATE));
    }
    this.basis = basis;
    this.hundredths = hundredths;
    this.tables = basis.tables(hundredths / 100.0);
  }

  private LearnedTransform(TransformBasis basis, ComponentTables tables) {
    this.basis = basis;
    this.hundredths = (int) (100 * LARGEST_RATE);
    this.tables = tables;
  }

  /** Pages of one error rather than of one rate. */
  static LearnedTransform withStep(TransformBasis basis, float step) {
    return new LearnedTransform(basis, ComponentTables.of(basis.deviations(), step));
  }

  @Override
  public byte id() {
    return PageCodecs.LEARNED_TRANSFORM;
  }

  @Override
  public int parameters() {
    return hundredths;
  }

  @Override
  public String name() {
    return NAME + BigDecimal.valueOf(hundredths, 2).stripTrailingZeros().toPlainString();
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
    int r = tables.count();
    // [c x n], so that components come out as rows
    float[] centred = new float[n * c];
    Kernels.transpose(values, 0, centred, 0, n, c);
    for (int channel = 0; channel < c; channel++) {
      for (int i = channel * n; i < (channel + 1) * n; i++) {
        centred[i] -= basis.mean()[channel];
      }
    }
    float[] components = new float[r * n];
    Kernels.gemm(basis.components(), 0, centred, 0, components, 0, r, n, c, scratch);
    return write(components, n);
  }

  /**
   * @param components [r x n]
   */
  private byte[] write(float[] components, int n) {
    int r = tables.count();
    float inverse = 1 / tables.step();
    int[] codes = new int[r * n];
    int plainBytes = 0;
    for (int j = 0; j < r; j++) {
      int plain = tables.plainBits()[j];
      plainBytes += PlainBits.bytes(n, plain);
      int limit = LIMIT << plain;
      int half = 1 << plain >> 1;
      for (int i = j * n; i < (j + 1) * n; i++) {
        int code = Math.round(components[i] * inverse);
        codes[i] = Math.max(-limit, Math.min(limit, code)) + half;
      }
    }
    NumeralCoder.Writer writer = new NumeralCoder.Writer();
    for (int i = r * n - 1; i >= 0; i--) {
      writer.add(i, codes[i] >> tables.plainBits()[i / n], tables.table(i / n));
    }
    byte[] stream = writer.finish();
    ByteBuffer out =
        ByteBuffer.allocate(Float.BYTES + plainBytes + stream.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putFloat(tables.step());
    for (int j = 0; j < r; j++) {
      PlainBits.put(out, codes, j * n, n, tables.plainBits()[j]);
    }
    return out.put(stream).array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireChannels(shape);
    ByteBuffer in = payload.order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < Float.BYTES) {
      throw new IllegalArgumentException("page has no step");
    }
    ComponentTables here = ComponentTables.of(basis.deviations(), in.getFloat());
    int n = shape.tokens();
    int r = here.count();
    if ((long) r * n > (long) MOST_VALUES_A_BYTE * in.remaining()) {
      throw new IllegalArgumentException(
          "page has " + in.remaining() + " bytes for " + r + " x " + n + " components");
    }
    int[] low = new int[r * n];
    for (int j = 0; j < r; j++) {
      PlainBits.get(in, low, j * n, n, here.plainBits()[j]);
    }
    NumeralCoder.Reader reader = new NumeralCoder.Reader(in);
    float[] components = new float[r * n];
    for (int i = 0; i < components.length; i++) {
      int plain = here.plainBits()[i / n];
      int code = (reader.next(i, here.table(i / n)) << plain) + low[i] - (1 << plain >> 1);
      components[i] = code * here.step();
    }
    reader.end();
    return new TransformPage(shape, basis, r, components);
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
  private record TransformPage(PageShape shape, TransformBasis basis, int r, float[] components)
      implements Page {

    @Override
    public void restore(float[] values) {
      int n = shape.tokens();
      int c = basis.channels();
      float[] tokens = new float[n * r];
      Kernels.transpose(components, 0, tokens, 0, r, n);
      Kernels.gemm(tokens, 0, basis.components(), 0, values, 0, n, c, r, new GemmScratch());
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
      for (int j = 0; j < r; j++) {
        float weight = Kernels.dot(query, queryFrom, basis.components(), j * c + head * d, d);
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
      for (int j = 0; j < r; j++) {
        float sum = Kernels.dot(weights, weightsFrom, components, j * n, n);
        Kernels.axpy(sum, basis.components(), j * c + head * d, out, outFrom, d);
      }
    }
  }
}
