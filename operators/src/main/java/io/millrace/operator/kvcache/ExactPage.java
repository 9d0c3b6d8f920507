package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;

/** Values in the format in which they came; made dense once scores or sums are asked for. */
final class ExactPage implements Page {
  private final PageShape shape;
  private final TokenFormat format;
  private final PayloadBytes bytes;
  private float[] dense = new float[0];

  /**
   * @param bytes of n x h x d values
   */
  ExactPage(PageShape shape, TokenFormat format, PayloadBytes bytes) {
    this.shape = shape;
    this.format = format;
    this.bytes = bytes;
  }

  @Override
  public PageShape shape() {
    return shape;
  }

  @Override
  public void restore(float[] out) {
    format.get(bytes.array(), bytes.from(), out, 0, shape.values());
  }

  private float[] dense() {
    if (dense.length == 0) {
      dense = new float[shape.values()];
      restore(dense);
    }
    return dense;
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    float[] values = dense();
    int d = shape.headDimension();
    for (int token = 0; token < shape.tokens(); token++) {
      scores[scoresFrom + token] =
          Kernels.dot(query, queryFrom, values, token * shape.channels() + head * d, d);
    }
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    float[] values = dense();
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
