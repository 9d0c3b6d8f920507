package io.millrace.operator.kvcache;

import io.millrace.kernel.CodeBook;
import io.millrace.kernel.ColumnCodes;
import io.millrace.kernel.Halves;
import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Random rotation and a fixed code book, as in TurboQuant (Zandieh et al., 2025, arXiv 2504.19874)
 * and before it in DRIVE and HIGGS: signs, a Hadamard transform over the head, one norm a vector,
 * and the Lloyd-Max levels of the normal distribution (Max, 1960). Needs no calibration: the codec
 * of a stream that has learned nothing yet. The stored norm is the least-squares one for the codes
 * chosen. A head dimension that is no power of two is rotated in blocks of its largest power-of-two
 * divisor. What differs: levels are a polynomial through Lloyd and Max's, which costs at most 0.2 %
 * of the mean square error and no table.
 *
 * <pre>
 * codes  ColumnCodes [n x h d]
 * norms  2 x n x h    half precision: x' = norm x level(code)
 * </pre>
 *
 * <p>Bits b + 16 / d a value. d log2 d additions a vector each way; scores rotate the query once,
 * sums rotate the result back once, and both read the codes as they are.
 */
public final class RotatedCodebook implements PageCodec {
  /**
   * Slope, cubic and quintic of {@link CodeBook} for 2, 3 and 4 bits, by least mean square error.
   */
  private static final float[][] LEVELS = {
    {0.8929333f, 0.0506768f, 0f},
    {0.49057186f, 0.0048121624f, 0.00043517808f},
    {0.2618591f, 0.00017981743f, 0.000028912973f}
  };

  /** Tokens that are rotated together: a word of 2-bit codes holds as many. */
  private static final int TOKENS = 32;

  private final int bits;
  private final CodeBook book;
  private float[] rotated = new float[0];
  private float[] units = new float[0];
  private float[] sums = new float[0];
  private float[] norms = new float[0];
  private float[] zeros = new float[0];
  private float[] ones = new float[0];

  /**
   * @param bits 2, 3 or 4
   * @throws IllegalArgumentException for others
   */
  public RotatedCodebook(int bits) {
    if (bits < 2 || bits > 4) {
      throw new IllegalArgumentException("bits: got " + bits + ", expected 2 to 4");
    }
    this.bits = bits;
    float[] levels = LEVELS[bits - 2];
    this.book = new CodeBook(bits, levels[0], levels[1], levels[2]);
  }

  @Override
  public byte id() {
    return PageCodecs.ROTATED_CODEBOOK;
  }

  @Override
  public int parameters() {
    return bits;
  }

  @Override
  public String name() {
    return "rotated-" + bits;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    int channels = shape.channels();
    int codeBytes = ColumnCodes.bytes(shape.tokens(), channels, bits);
    byte[] out = new byte[codeBytes + Short.BYTES * shape.tokens() * shape.heads()];
    ColumnCodes codes = new ColumnCodes(out, 0, shape.tokens(), channels, bits);
    HeadRotation rotation = new HeadRotation(shape.headDimension());
    require(shape);
    for (int token = 0; token < shape.tokens(); token += TOKENS) {
      int here = Math.min(TOKENS, shape.tokens() - token);
      System.arraycopy(values, token * channels, rotated, 0, here * channels);
      rotation.rotate(rotated, 0, here * shape.heads());
      quantize(shape, here * shape.heads());
      int normsFrom = codeBytes + Short.BYTES * token * shape.heads();
      Halves.encode(norms, 0, out, normsFrom, here * shape.heads());
      codes.packByColumn(token, here, rotated, 0, zeros, ones, 0);
    }
    return out;
  }

  /** Codes of rotated vectors in place, and the norms that go with them. */
  private void quantize(PageShape shape, int vectors) {
    int d = shape.headDimension();
    for (int v = 0; v < vectors; v++) {
      float energy = Kernels.dot(rotated, v * d, rotated, v * d, d);
      units[v] = energy == 0 ? 0f : (float) Math.sqrt(d / (double) energy);
    }
    book.quantize(rotated, 0, vectors, d, units, sums);
    for (int v = 0; v < vectors; v++) {
      norms[v] = units[v] == 0 ? 0f : sums[2 * v] / (sums[2 * v + 1] * units[v]);
    }
  }

  private void require(PageShape shape) {
    int vectors = TOKENS * shape.heads();
    if (rotated.length < vectors * shape.headDimension() || norms.length < vectors) {
      rotated = new float[vectors * shape.headDimension()];
      units = new float[vectors];
      sums = new float[2 * vectors];
      norms = new float[vectors];
    }
    if (ones.length < shape.channels()) {
      zeros = new float[shape.channels()];
      ones = new float[shape.channels()];
      Arrays.fill(ones, 1f);
    }
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    int codeBytes = ColumnCodes.bytes(shape.tokens(), shape.channels(), bits);
    int vectors = shape.tokens() * shape.heads();
    PayloadBytes in = PayloadBytes.take(payload, codeBytes + Short.BYTES * vectors);
    PageCodecs.requireEnd(payload);
    float[] pageNorms = new float[vectors];
    Halves.decode(in.array(), in.from() + codeBytes, pageNorms, 0, vectors);
    GroupSteps.requireFinite(pageNorms, vectors);
    ColumnCodes codes =
        new ColumnCodes(in.array(), in.from(), shape.tokens(), shape.channels(), bits);
    float[] levels = LEVELS[bits - 2];
    CodeBook own = new CodeBook(bits, levels[0], levels[1], levels[2]);
    return new RotatedPage(shape, codes, pageNorms, own, new HeadRotation(shape.headDimension()));
  }

  /** Codes and norms in the rotated frame. */
  private record RotatedPage(
      PageShape shape, ColumnCodes codes, float[] norms, CodeBook book, HeadRotation rotation)
      implements Page {

    @Override
    public void restore(float[] values) {
      book.unpack(codes, shape.headDimension(), norms, values, 0);
      rotation.rotateBack(values, 0, norms.length);
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      int d = shape.headDimension();
      float[] turned = rotation.scratch(d);
      System.arraycopy(query, queryFrom, turned, 0, d);
      rotation.rotate(turned, 0, 1);
      book.dot(codes, head * d, d, turned, 0, scores, scoresFrom);
      for (int token = 0; token < shape.tokens(); token++) {
        scores[scoresFrom + token] *= norms[token * shape.heads() + head];
      }
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      int d = shape.headDimension();
      int n = shape.tokens();
      float[] scratch = rotation.scratch(n + d);
      for (int token = 0; token < n; token++) {
        scratch[token] = weights[weightsFrom + token] * norms[token * shape.heads() + head];
      }
      Arrays.fill(scratch, n, n + d, 0f);
      book.add(codes, head * d, d, scratch, scratch, n);
      rotation.rotateBack(scratch, n, 1);
      Kernels.axpy(1f, scratch, n, out, outFrom, d);
    }
  }
}
