package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/** Codes of [channels x tokens]: scores are weighted sums of rows. */
final class ChannelPage implements Page {
  private final PageShape shape;
  private final GroupedCodes codes;
  private final float[] scratch;
  private float[] restored = new float[0];

  ChannelPage(PageShape shape, GroupedCodes codes) {
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
    float[] matrix = restored();
    Kernels.transpose(matrix, 0, values, 0, shape.channels(), shape.tokens());
  }

  @Override
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    Arrays.fill(scores, scoresFrom, scoresFrom + shape.tokens(), 0f);
    codes.addRows(head * d, d, 0, shape.tokens(), query, queryFrom, scores, scoresFrom, scratch);
  }

  @Override
  public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    float[] matrix = restored();
    int d = shape.headDimension();
    int n = shape.tokens();
    for (int channel = 0; channel < d; channel++) {
      out[outFrom + channel] +=
          Kernels.dot(weights, weightsFrom, matrix, (head * d + channel) * n, n);
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
