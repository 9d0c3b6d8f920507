package io.millrace.app.bench;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.TreeMap;

/**
 * Answer to an {@link EngineRequest}, one line of JSON.
 *
 * @param cpuSeconds of the process since its start
 * @param meters counters and gauges of what runs, by name, summed over their tags
 * @param failure why the request could not be met; empty: it was
 */
record EngineAnswer(double cpuSeconds, Map<String, Double> meters, String failure) {

  static EngineAnswer of(double cpuSeconds, MeterRegistry registry) {
    Map<String, Double> sums = new TreeMap<>();
    registry
        .getMeters()
        .forEach(
            meter -> {
              if (meter instanceof Counter counter) {
                sums.merge(meter.getId().getName(), counter.count(), Double::sum);
              } else if (meter instanceof Gauge gauge) {
                sums.merge(meter.getId().getName(), gauge.value(), Double::sum);
              }
            });
    // JSON has no number for a gauge whose object is gone
    sums.values().removeIf(value -> !Double.isFinite(value));
    return new EngineAnswer(cpuSeconds, sums, "");
  }

  static EngineAnswer failed(String reason) {
    return new EngineAnswer(0, Map.of(), reason);
  }

  /** Value of a meter; 0 where the engine has none of that name. */
  double meter(String name) {
    return meters.getOrDefault(name, 0.0);
  }
}
