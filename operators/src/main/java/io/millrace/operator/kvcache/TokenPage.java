package io.millrace.operator.kvcache;

import io.millrace.kernel.ColumnCodes;
import java.nio.ByteBuffer;

/**
 * Codes with a step and a minimum for each token and group of channels.
 *
 * <pre>
 * codes   ColumnCodes [n x h d]
 * steps   2 x n x h d / group    half precision
 * minima  2 x n x h d / group    half precision; symmetric: absent, -2^(b-1) step
 * </pre>
 *
 * <p>Scores and sums read the codes as they are, where they lie in their words.
 */
final class TokenPage implements Page {
  private final PageShape shape;
  private final int group;
  private final ColumnCodes codes;
  private final GroupSteps steps;

  private TokenPage(PageShape shape, int group, ColumnCodes codes, GroupSteps steps) {
    this.shape = shape;
    this.group = group;
    this.codes = codes;
    this.steps = steps;
  }

  /**
   * How a page is coded.
   *
   * @param group a multiple of 16 that divides the channels
   * @param symmetric whether zero has a code of its own and minima are not stored
   */
  record Settings(int bits, int group, boolean symmetric) {

    private int sideBytes(PageShape shape) {
      return Short.BYTES * (shape.values() / group) * (symmetric ? 1 : 2);
    }
  }

  /**
   * Encodes a page.
   *
   * @param values [n x h x d], finite; not modified
   * @param scratch overwritten
   */
  static byte[] encode(PageShape shape, Settings settings, float[] values, GroupSteps scratch) {
    int groups = shape.values() / settings.group();
    int codeBytes = ColumnCodes.bytes(shape.tokens(), shape.channels(), settings.bits());
    byte[] out = new byte[codeBytes + settings.sideBytes(shape)];
    scratch.require(groups);
    ColumnCodes.groupRanges(values, 0, groups, settings.group(), scratch.minima, scratch.maxima);
    if (settings.symmetric()) {
      scratch.writeSymmetric(groups, settings.bits(), out, codeBytes);
    } else {
      scratch.writeAsymmetric(groups, (1 << settings.bits()) - 1, out, codeBytes);
    }
    new ColumnCodes(out, 0, shape.tokens(), shape.channels(), settings.bits())
        .packByGroup(values, 0, settings.group(), scratch.minima, scratch.inverse);
    return out;
  }

  /**
   * Opens what {@link #encode} made.
   *
   * @throws IllegalArgumentException for too few bytes, or steps that are not finite
   */
  static TokenPage open(PageShape shape, Settings settings, ByteBuffer payload) {
    int codeBytes = ColumnCodes.bytes(shape.tokens(), shape.channels(), settings.bits());
    PayloadBytes in = PayloadBytes.take(payload, codeBytes + settings.sideBytes(shape));
    int groups = shape.values() / settings.group();
    GroupSteps steps = GroupSteps.ofPage(groups);
    if (settings.symmetric()) {
      steps.readSymmetric(groups, settings.bits(), in.array(), in.from() + codeBytes);
    } else {
      steps.readAsymmetric(groups, in.array(), in.from() + codeBytes);
    }
    ColumnCodes.place(steps.steps, shape.tokens(), groups / shape.tokens(), settings.bits());
    ColumnCodes codes =
        new ColumnCodes(in.array(), in.from(), shape.tokens(), shape.channels(), settings.bits());
    return new TokenPage(shape, settings.group(), codes, steps);
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] values) {
    codes.unpackByGroup(group, steps.steps, steps.minima, values, 0);
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    codes.dotByGroup(
        head * d, d, query, queryFrom, group, steps.steps, steps.minima, scores, scoresFrom);
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int d = shape.headDimension();
    codes.addByGroup(
        head * d, d, weights, weightsFrom, group, steps.steps, steps.minima, out, outFrom);
  }
}
