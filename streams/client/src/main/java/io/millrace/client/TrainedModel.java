package io.millrace.client;

import io.millrace.operator.SettingCheck;
import java.util.List;
import java.util.Map;

/**
 * What training came to.
 *
 * @param end the model's numbers after the last step
 * @param steps taken; anarchic methods let a client choose
 * @param examples trained on, 1 or more: the update's weight, up to the aggregator's bound
 * @param measures loss, accuracy and the like, finite, for people
 * @param layerMeans where the task offer's {@code layer-means} is 1 (optimiser mkor): for each
 *     chunk, for each layer of two or more axes in it, the mean activation [inputs], then the mean
 *     output gradient [outputs]; the first axis is the outputs. Else no rows
 */
public record TrainedModel(
    double[] end, int steps, int examples, Map<String, Double> measures, List<float[]> layerMeans) {
  private static final int MOST_MEASURES = 64;

  /**
   * @throws IllegalArgumentException if a value is out of range
   */
  public TrainedModel {
    SettingCheck.range("steps taken", steps, 1, 1_000_000_000);
    SettingCheck.range("examples", examples, 1, Integer.MAX_VALUE);
    SettingCheck.range("number of measures", measures.size(), 0, MOST_MEASURES);
    measures.forEach(
        (name, value) -> SettingCheck.range(name, value, -Double.MAX_VALUE, Double.MAX_VALUE));
    measures = Map.copyOf(measures);
    layerMeans = List.copyOf(layerMeans);
  }

  /** Without means of layers. */
  public TrainedModel(double[] end, int steps, int examples, Map<String, Double> measures) {
    this(end, steps, examples, measures, List.of());
  }
}
