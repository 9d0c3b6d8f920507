package io.millrace.client;

import io.millrace.operator.SettingCheck;
import java.util.Map;

/**
 * What training came to.
 *
 * @param end the model's numbers after the last step
 * @param steps taken; anarchic methods let a client choose
 * @param examples trained on, 1 or more: the update's weight, up to the aggregator's bound
 * @param measures loss, accuracy and the like, finite, for people
 */
public record TrainedModel(double[] end, int steps, int examples, Map<String, Double> measures) {
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
  }
}
