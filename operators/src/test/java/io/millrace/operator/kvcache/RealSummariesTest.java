package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Summaries of real heads' old tokens beside their exact window of 64, against leaving the old
 * tokens out. The gain is small, as documented: real keys are long.
 */
class RealSummariesTest {
  private static final int WINDOW = 64;

  /** Relative errors of outputs that another implementation measured, without and with. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({"kjv-hd64, 0.172, 0.164", "stories260K, 0.204, 0.189", "minilm-l6, 0.574, 0.433"})
  void aSummaryIsBetterThanNothing(String model, double without, double with) {
    Optional<KeyValueDump> found = KeyValueDump.of(model);
    assumeTrue(found.isPresent(), "the dump of " + model + " is not there");
    KeyValueDump dump = found.get();
    double[] errors = new double[3];
    for (int layer = 0; layer < dump.layers(); layer++) {
      for (int head = 0; head < dump.heads(); head++) {
        measure(dump, layer, head, errors);
      }
    }
    double dropped = Math.sqrt(errors[0] / errors[2]);
    double summed = Math.sqrt(errors[1] / errors[2]);
    String measured = model + ": dropped " + dropped + ", summed " + summed;
    assertTrue(summed < dropped, measured);
    assertTrue(Math.abs(dropped - without) < 0.25 * without, measured);
    assertTrue(Math.abs(summed - with) < 0.25 * with, measured);
  }

  private static void measure(KeyValueDump dump, int layer, int head, double[] errors) {
    int d = dump.headDimension();
    int group = dump.queryHeads() / dump.heads();
    float[] keys = dump.span(PageKind.KEYS, layer, 0, dump.tokens());
    float[] values = dump.span(PageKind.VALUES, layer, 0, dump.tokens());
    AttentionSummary summary = new AttentionSummary(d > 8 ? 256 : 128, d, 100L * layer + head);
    int summed = 0;
    for (int token = dump.tokens() / 2; token < dump.tokens(); token += 16) {
      int old = token - WINDOW;
      summary.add(
          keys,
          summed * dump.channels() + head * d,
          dump.channels(),
          values,
          summed * dump.channels() + head * d,
          dump.channels(),
          old - summed);
      summed = old;
      for (int q = head * group; q < (head + 1) * group; q++) {
        float[] query = new float[d];
        for (int c = 0; c < d; c++) {
          int at = ((layer * dump.tokens() + token) * dump.queryHeads() + q) * d + c;
          query[c] = (float) (dump.queries()[at] / Math.sqrt(d));
        }
        AttentionPartial recent = attend(dump, keys, values, head, query, old, token + 1);
        AttentionPartial all = attend(dump, keys, values, head, query, 0, token + 1);
        AttentionPartial estimate = attend(dump, keys, values, head, query, old, token + 1);
        summary.accumulate(query, 0, estimate);
        float[][] out = new float[3][d];
        recent.finish(out[0], 0);
        estimate.finish(out[1], 0);
        all.finish(out[2], 0);
        for (int c = 0; c < d; c++) {
          errors[0] += Math.pow(out[0][c] - out[2][c], 2);
          errors[1] += Math.pow(out[1][c] - out[2][c], 2);
          errors[2] += Math.pow(out[2][c], 2);
        }
      }
    }
  }

  private static AttentionPartial attend(
      KeyValueDump dump, float[] keys, float[] values, int head, float[] query, int from, int to) {
    int d = dump.headDimension();
    float[] scores = new float[to - from];
    for (int t = from; t < to; t++) {
      for (int c = 0; c < d; c++) {
        scores[t - from] += query[c] * keys[t * dump.channels() + head * d + c];
      }
    }
    AttentionPartial partial = new AttentionPartial(d);
    partial.add(scores, 0, to - from, values, from * dump.channels() + head * d, dump.channels());
    return partial;
  }
}
