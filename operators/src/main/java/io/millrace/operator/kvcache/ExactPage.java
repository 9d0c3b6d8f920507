package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;

/** Dense values, as they were or as 16 bits hold them. */
final class ExactPage implements Page {
  private final PageShape shape;
  private final float[] values;

  /**
   * @param values [n x h x d], owned by the page
   */
  ExactPage(PageShape shape, float[] values) {
    this.shape = shape;
    this.values = values;
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] out) {
    System.arraycopy(values, 0, out, 0, values.length);
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    for (int token = 0; token < shape.tokens(); token++) {
      scores[scoresFrom + token] =
          Kernels.dot(query, queryFrom, values, token * shape.channels() + head * d, d);
    }
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int d = shape.headDimension();
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
}
