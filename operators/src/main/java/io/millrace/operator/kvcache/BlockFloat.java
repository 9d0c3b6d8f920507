package io.millrace.operator.kvcache;

import io.millrace.kernel.ColumnCodes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Block floating point with sorted channels (Trukhanov, Soloveychik, 2024, arXiv 2403.20137): 32
 * channels of a token share an 8-bit exponent, each has a signed mantissa. Channels of a head are
 * sorted by their size in the page, so that those of one block are alike; the original sorts by the
 * rows of the weights, which a stream does not have. The permutation is stored once a page. The
 * exponent is the one of three that leaves the least squared error: a fifth less of the keys' error
 * at 3 bits than the exponent of the largest value.
 *
 * <pre>
 * order      2 x h x d          channel of each sorted place, over all heads
 * codes      ColumnCodes [n x h d]  mantissa + 2^(m-1), channels in sorted order
 * exponents  1 x n x h d / 32   of the block's unit, biased by 127
 * </pre>
 *
 * <p>Bits m + 8 / 32 a value, and 16 / n for the order.
 */
public final class BlockFloat implements PageCodec {
  static final int BLOCK = 32;

  private static final int SMALLEST_EXPONENT = -126;

  private final int mantissaBits;

  /**
   * @param mantissaBits sign included, 3, 4 or 8
   * @throws IllegalArgumentException for others
   */
  public BlockFloat(int mantissaBits) {
    if (mantissaBits != 3 && mantissaBits != 4 && mantissaBits != 8) {
      throw new IllegalArgumentException(
          "mantissa bits: got " + mantissaBits + ", expected 3, 4 or 8");
    }
    this.mantissaBits = mantissaBits;
  }

  @Override
  public byte id() {
    return PageCodecs.BLOCK_FLOAT;
  }

  @Override
  public int parameters() {
    return mantissaBits;
  }

  @Override
  public String name() {
    return "bfp-" + mantissaBits;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    requireBlocks(shape);
    int channels = shape.channels();
    int blocks = shape.values() / BLOCK;
    int[] order = ChannelOrder.bySize(shape, values);
    float[] sorted = new float[shape.values()];
    for (int token = 0; token < shape.tokens(); token++) {
      for (int place = 0; place < channels; place++) {
        sorted[token * channels + place] = values[token * channels + order[place]];
      }
    }
    float[] minima = new float[blocks];
    float[] maxima = new float[blocks];
    ColumnCodes.groupRanges(sorted, 0, blocks, BLOCK, minima, maxima);
    float[] inverse = new float[blocks];
    ByteBuffer out = ByteBuffer.allocate(bytes(shape)).order(ByteOrder.LITTLE_ENDIAN);
    for (int channel : order) {
      out.putShort((short) channel);
    }
    byte[] exponents = new byte[blocks];
    for (int block = 0; block < blocks; block++) {
      float largest = Math.max(Math.abs(minima[block]), Math.abs(maxima[block]));
      int exponent = exponent(sorted, block * BLOCK, largest);
      exponents[block] = (byte) (exponent + 127);
      float unit = Math.scalb(1f, exponent);
      minima[block] = -(1 << mantissaBits - 1) * unit;
      inverse[block] = 1 / unit;
    }
    int codesFrom = out.position();
    new ColumnCodes(out.array(), codesFrom, shape.tokens(), channels, mantissaBits)
        .packByGroup(sorted, 0, BLOCK, minima, inverse);
    out.position(codesFrom + ColumnCodes.bytes(shape.tokens(), channels, mantissaBits));
    return out.put(exponents).array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    requireBlocks(shape);
    if (payload.remaining() != bytes(shape)) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, expected " + bytes(shape));
    }
    int channels = shape.channels();
    int[] order = new int[channels];
    boolean[] seen = new boolean[channels];
    for (int place = 0; place < channels; place++) {
      order[place] = payload.getShort() & 0xffff;
      if (order[place] >= channels || seen[order[place]]) {
        throw new IllegalArgumentException(
            "channel order has " + order[place] + " at " + place + ", expected a permutation");
      }
      seen[order[place]] = true;
    }
    PayloadBytes in =
        PayloadBytes.take(payload, ColumnCodes.bytes(shape.tokens(), channels, mantissaBits));
    int blocks = shape.values() / BLOCK;
    float[] units = new float[blocks];
    float[] minima = new float[blocks];
    for (int block = 0; block < blocks; block++) {
      int exponent = (payload.get() & 0xff) - 127;
      if (exponent > largestExponent()) {
        throw new IllegalArgumentException(
            "block has exponent " + exponent + ", expected at most " + largestExponent());
      }
      units[block] = Math.scalb(1f, exponent);
      minima[block] = -(1 << mantissaBits - 1) * units[block];
    }
    float[] sorted = new float[shape.values()];
    ColumnCodes.place(units, shape.tokens(), channels / BLOCK, mantissaBits);
    new ColumnCodes(in.array(), in.from(), shape.tokens(), channels, mantissaBits)
        .unpackByGroup(BLOCK, units, minima, sorted, 0);
    float[] values = new float[shape.values()];
    for (int token = 0; token < shape.tokens(); token++) {
      for (int place = 0; place < channels; place++) {
        values[token * channels + order[place]] = sorted[token * channels + place];
      }
    }
    return new ExactPage(shape, values);
  }

  /**
   * Of the unit, a power of two, that leaves the least squared error: the one that just holds the
   * largest value, or its neighbours, which clip a few values and round the others finer, or clip
   * nothing.
   */
  private int exponent(float[] values, int from, float largest) {
    if (largest == 0) {
      return SMALLEST_EXPONENT;
    }
    int holding = Math.getExponent(largest) + 2 - mantissaBits;
    int best = SMALLEST_EXPONENT;
    double least = Double.POSITIVE_INFINITY;
    for (int candidate = holding - 1; candidate <= holding + 1; candidate++) {
      int exponent = Math.max(SMALLEST_EXPONENT, Math.min(largestExponent(), candidate));
      double error = squaredError(values, from, Math.scalb(1f, exponent));
      if (error < least) {
        least = error;
        best = exponent;
      }
    }
    return best;
  }

  private double squaredError(float[] values, int from, float unit) {
    int lowest = -(1 << mantissaBits - 1);
    float inverse = 1 / unit;
    double sum = 0;
    for (int i = from; i < from + BLOCK; i++) {
      double code = Math.rint(values[i] * inverse);
      double error = values[i] - Math.max(lowest, Math.min(-lowest - 1, code)) * unit;
      sum += error * error;
    }
    return sum;
  }

  /** Of a unit whose largest multiple is finite. */
  private int largestExponent() {
    return 128 - mantissaBits;
  }

  private int bytes(PageShape shape) {
    return Short.BYTES * shape.channels()
        + ColumnCodes.bytes(shape.tokens(), shape.channels(), mantissaBits)
        + shape.values() / BLOCK;
  }

  private static void requireBlocks(PageShape shape) {
    if (shape.channels() % BLOCK != 0) {
      throw new IllegalArgumentException(
          "page has " + shape.channels() + " channels, expected a multiple of " + BLOCK);
    }
  }
}
