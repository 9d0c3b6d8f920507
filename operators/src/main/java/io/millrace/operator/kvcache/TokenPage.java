package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;

/**
 * Codes of [tokens x channels]: sums are weighted sums of rows, scores inner products with rows.
 */
final class TokenPage implements Page {
  private final PageShape shape;
  private final GroupedCodes codes;
  private final float[] scratch;
  private float[] restored = new float[0];

  TokenPage(PageShape shape, GroupedCodes codes) {
    this.shape = shape;
    this.codes = codes;
    this.scratch = new float[codes.scratch()];
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] values) {
    codes.restore(values);
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    if (codes.isWhole(head * d, d)) {
      codes.dotRows(head * d, d, query, queryFrom, scores, scoresFrom);
      return;
    }
    float[] values = restored();
    for (int token = 0; token < shape.tokens(); token++) {
      scores[scoresFrom + token] =
          Kernels.dot(query, queryFrom, values, token * shape.channels() + head * d, d);
    }
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int d = shape.headDimension();
    if (codes.isWhole(head * d, d)) {
      codes.addRows(0, shape.tokens(), head * d, d, weights, weightsFrom, out, outFrom, scratch);
      return;
    }
    float[] values = restored();
    for (int token = 0; token < shape.tokens(); token++) {
      Kernels.axpy(
          weights[weightsFrom + token],
          values,
          token * shape.channels() + head * d,
          out,
          outFrom,
          d);
    }
  }

  private float[] restored() {
    if (restored.length == 0) {
      restored = new float[shape.values()];
      codes.restore(restored);
    }
    return restored;
  }
}
