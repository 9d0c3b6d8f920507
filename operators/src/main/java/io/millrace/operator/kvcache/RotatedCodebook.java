package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Random rotation and a fixed code book, as in TurboQuant (Zandieh et al., 2025, arXiv 2504.19874)
 * and before it in DRIVE and HIGGS: signs, a Hadamard transform over the head, one norm a vector,
 * and the Lloyd-Max levels of the normal distribution (Max, 1960). Needs no calibration: the codec
 * of a stream that has learned nothing yet. The stored norm is the least-squares one for the codes
 * chosen. A head dimension that is no power of two is rotated in blocks of its largest power-of-two
 * divisor.
 *
 * <pre>
 * codes  4 x words        Kernels.codeWords(n h d, b)
 * norms  2 x n x h        half precision: x' = norm x level(code)
 * </pre>
 *
 * <p>Bits b + 16 / d a value. d log2 d additions a vector each way; scores rotate the query once,
 * sums rotate the result back once.
 */
public final class RotatedCodebook implements PageCodec {
  /** Positive levels for 2, 3 and 4 bits; thresholds lie in the middle. */
  private static final float[][] LEVELS = {
    {0.4528f, 1.5104f},
    {0.2451f, 0.7560f, 1.3439f, 2.1520f},
    {0.1284f, 0.3881f, 0.6568f, 0.9424f, 1.2562f, 1.6181f, 2.0690f, 2.7326f}
  };

  private static final int RUN = 16;

  private final int bits;
  private final float[] levels;

  /**
   * @param bits 2, 3 or 4
   * @throws IllegalArgumentException for others
   */
  public RotatedCodebook(int bits) {
    if (bits < 2 || bits > 4) {
      throw new IllegalArgumentException("bits: got " + bits + ", expected 2 to 4");
    }
    this.bits = bits;
    float[] positive = LEVELS[bits - 2];
    this.levels = new float[1 << bits];
    for (int i = 0; i < positive.length; i++) {
      levels[positive.length + i] = positive[i];
      levels[positive.length - 1 - i] = -positive[i];
    }
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
    int d = shape.headDimension();
    int vectors = shape.tokens() * shape.heads();
    int padded = padded(shape);
    float[] codes = new float[padded];
    float[] rotated = new float[d];
    short[] norms = new short[vectors];
    for (int v = 0; v < vectors; v++) {
      System.arraycopy(values, v * d, rotated, 0, d);
      rotate(rotated, 0, d);
      norms[v] = Float16.encode(quantize(rotated, d, codes, v * d));
    }
    int[] words = new int[Kernels.codeWords(padded, bits)];
    float[] ones = new float[padded / RUN];
    Arrays.fill(ones, 1f);
    Kernels.packCodes(codes, 0, padded / RUN, RUN, new float[ones.length], ones, words, bits);
    ByteBuffer out = ByteBuffer.allocate(bytes(shape)).order(ByteOrder.LITTLE_ENDIAN);
    out.asIntBuffer().put(words);
    out.position(Integer.BYTES * words.length);
    for (short norm : norms) {
      out.putShort(norm);
    }
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    if (payload.remaining() != bytes(shape)) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, expected " + bytes(shape));
    }
    int padded = padded(shape);
    int[] words = new int[Kernels.codeWords(padded, bits)];
    payload.asIntBuffer().get(words);
    payload.position(payload.position() + Integer.BYTES * words.length);
    float[] norms = new float[shape.tokens() * shape.heads()];
    Float16.get(payload, norms, norms.length);
    float[] ones = new float[padded / RUN];
    Arrays.fill(ones, 1f);
    float[] codes = new float[padded];
    Kernels.unpackCodes(words, padded / RUN, RUN, ones, new float[ones.length], codes, 0, bits);
    for (int i = 0; i < shape.values(); i++) {
      codes[i] = levels[(int) codes[i]];
    }
    return new RotatedPage(shape, codes, norms);
  }

  private int bytes(PageShape shape) {
    return Integer.BYTES * Kernels.codeWords(padded(shape), bits)
        + Short.BYTES * shape.tokens() * shape.heads();
  }

  /** Values in whole runs. */
  private static int padded(PageShape shape) {
    return (shape.values() + RUN - 1) / RUN * RUN;
  }

  /** Codes of a rotated vector; returns the norm that goes with them. */
  private float quantize(float[] rotated, int d, float[] codes, int codesFrom) {
    float energy = Kernels.dot(rotated, 0, rotated, 0, d);
    if (energy == 0) {
      Arrays.fill(codes, codesFrom, codesFrom + d, 0f);
      return 0f;
    }
    float unit = (float) Math.sqrt(d / (double) energy);
    float product = 0f;
    float square = 0f;
    for (int i = 0; i < d; i++) {
      int code = code(rotated[i] * unit);
      codes[codesFrom + i] = code;
      product = Math.fma(rotated[i], levels[code], product);
      square = Math.fma(levels[code], levels[code], square);
    }
    return product / square;
  }

  private int code(float x) {
    int low = 0;
    int high = levels.length - 1;
    while (low < high) {
      int middle = (low + high) / 2;
      if (x > (levels[middle] + levels[middle + 1]) / 2) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** Signs, then an orthonormal Hadamard transform. */
  static void rotate(float[] x, int from, int d) {
    for (int i = 0; i < d; i++) {
      x[from + i] *= sign(i);
    }
    hadamard(x, from, d);
  }

  /** Undoes {@link #rotate}. */
  static void rotateBack(float[] x, int from, int d) {
    hadamard(x, from, d);
    for (int i = 0; i < d; i++) {
      x[from + i] *= sign(i);
    }
  }

  /** From a fixed hash of the channel. */
  private static float sign(int channel) {
    int hash = (channel + 1) * 0x9E3779B1;
    hash = (hash ^ hash >>> 15) * 0x85EBCA77;
    return (hash ^ hash >>> 13) << 31 == 0 ? 1f : -1f;
  }

  private static void hadamard(float[] x, int from, int d) {
    int block = Integer.lowestOneBit(d);
    float scale = (float) (1 / Math.sqrt(block));
    for (int start = from; start < from + d; start += block) {
      for (int half = 1; half < block; half *= 2) {
        for (int pair = start; pair < start + block; pair += 2 * half) {
          for (int i = pair; i < pair + half; i++) {
            float a = x[i];
            float b = x[i + half];
            x[i] = a + b;
            x[i + half] = a - b;
          }
        }
      }
    }
    Kernels.scale(scale, x, from, d);
  }

  /** Levels and norms in the rotated frame. */
  private record RotatedPage(PageShape shape, float[] levelValues, float[] norms) implements Page {

    @Override
    public void restore(float[] values) {
      int d = shape.headDimension();
      for (int v = 0; v < norms.length; v++) {
        for (int i = 0; i < d; i++) {
          values[v * d + i] = norms[v] * levelValues[v * d + i];
        }
        rotateBack(values, v * d, d);
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      int d = shape.headDimension();
      float[] rotated = Arrays.copyOfRange(query, queryFrom, queryFrom + d);
      rotate(rotated, 0, d);
      for (int token = 0; token < shape.tokens(); token++) {
        int v = token * shape.heads() + head;
        scores[scoresFrom + token] = norms[v] * Kernels.dot(rotated, 0, levelValues, v * d, d);
      }
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      int d = shape.headDimension();
      float[] sum = new float[d];
      for (int token = 0; token < shape.tokens(); token++) {
        int v = token * shape.heads() + head;
        Kernels.axpy(weights[weightsFrom + token] * norms[v], levelValues, v * d, sum, 0, d);
      }
      rotateBack(sum, 0, d);
      Kernels.axpy(1f, sum, 0, out, outFrom, d);
    }
  }
}
