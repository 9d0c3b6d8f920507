package io.millrace.operator.kvcache;

import io.millrace.kernel.ColumnCodes;
import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;

/**
 * Codes with a step and a minimum for each channel and group of tokens.
 *
 * <pre>
 * codes   ColumnCodes [n x h d]
 * steps   2 x n / group x h d    half precision
 * minima  2 x n / group x h d    half precision
 * </pre>
 *
 * <p>Scores read the codes as they are: steps are folded into the query, minima into an offset.
 */
final class ChannelPage implements Page {
  private final PageShape shape;
  private final int group;
  private final ColumnCodes codes;
  private final GroupSteps steps;
  private float[] restored = new float[0];

  private ChannelPage(PageShape shape, int group, ColumnCodes codes, GroupSteps steps) {
    this.shape = shape;
    this.group = group;
    this.codes = codes;
    this.steps = steps;
  }

  /**
   * Encodes a page.
   *
   * @param group a multiple of 32 that divides the tokens
   * @param values [n x h x d], finite; not modified
   * @param scratch overwritten
   */
  static byte[] encode(PageShape shape, int group, int bits, float[] values, GroupSteps scratch) {
    int channels = shape.channels();
    int sides = shape.tokens() / group;
    int codeBytes = ColumnCodes.bytes(shape.tokens(), channels, bits);
    byte[] out = new byte[codeBytes + sideBytes(shape, group)];
    scratch.require(sides * channels);
    for (int side = 0; side < sides; side++) {
      ColumnCodes.columnRanges(
          values,
          side * group * channels,
          group,
          channels,
          scratch.minima,
          scratch.maxima,
          side * channels);
    }
    scratch.writeAsymmetric(sides * channels, (1 << bits) - 1, out, codeBytes);
    ColumnCodes codes = new ColumnCodes(out, 0, shape.tokens(), channels, bits);
    for (int side = 0; side < sides; side++) {
      codes.packByColumn(
          side * group,
          group,
          values,
          side * group * channels,
          scratch.minima,
          scratch.inverse,
          side * channels);
    }
    return out;
  }

  /**
   * Opens what {@link #encode} made.
   *
   * @throws IllegalArgumentException for too few bytes, or steps that are not finite
   */
  static ChannelPage open(PageShape shape, int group, int bits, ByteBuffer payload) {
    int codeBytes = ColumnCodes.bytes(shape.tokens(), shape.channels(), bits);
    PayloadBytes in = PayloadBytes.take(payload, codeBytes + sideBytes(shape, group));
    int groups = shape.values() / group;
    GroupSteps steps = GroupSteps.ofPage(groups);
    steps.readAsymmetric(groups, in.array(), in.from() + codeBytes);
    ColumnCodes codes =
        new ColumnCodes(in.array(), in.from(), shape.tokens(), shape.channels(), bits);
    return new ChannelPage(shape, group, codes, steps);
  }

  private static int sideBytes(PageShape shape, int group) {
    return 2 * Short.BYTES * (shape.values() / group);
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] values) {
    int channels = shape.channels();
    for (int token = 0, side = 0; token < shape.tokens(); token += group, side += channels) {
      codes.unpackByColumn(token, group, steps.steps, steps.minima, side, values, token * channels);
    }
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    codes.dotByColumn(
        head * d, d, query, queryFrom, group, steps.steps, steps.minima, scores, scoresFrom);
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    if (restored.length == 0) {
      restored = new float[shape.values()];
      restore(restored);
    }
    int d = shape.headDimension();
    for (int token = 0; token < shape.tokens(); token++) {
      int at = (token * shape.heads() + head) * d;
      Kernels.axpy(weights[weightsFrom + token], restored, at, out, outFrom, d);
    }
  }
}
