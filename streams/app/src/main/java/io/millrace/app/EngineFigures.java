package io.millrace.app;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.search.Search;
import io.millrace.app.dashboard.CheckpointView;
import io.millrace.app.dashboard.PipelineCounters;
import io.millrace.runtime.PipelineMeters;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Reads the meters that an engine keeps. Thread-safe. */
final class EngineFigures implements PipelineCounters {
  private final MeterRegistry registry;

  EngineFigures(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public Counts of(String pipeline) {
    Map<String, Long> refused = new TreeMap<>();
    meter(PipelineMeters.DEAD_LETTERS, pipeline)
        .counters()
        .forEach(
            counter ->
                refused.merge(counter.getId().getTag("reason"), (long) counter.count(), Long::sum));
    return new Counts(
        sum(meter(PipelineMeters.RECORDS_IN, pipeline).tag("stage", "sensors"))
            + sum(meter(PipelineMeters.RECORDS_IN, pipeline).tag("stage", "window"))
            + sum(meter(PipelineMeters.RECORDS_IN, pipeline).tag("stage", "aggregation"))
            + sum(meter(PipelineMeters.RECORDS_IN, pipeline).tag("stage", "control")),
        sum(meter(PipelineMeters.RECORDS_OUT, pipeline)),
        sum(meter(PipelineMeters.LAG_RECORDS, pipeline)),
        sum(meter(PipelineMeters.STATE_BYTES, pipeline)),
        sum(meter(PipelineMeters.KEYS, pipeline)),
        sum(meter(PipelineMeters.RESTARTS, pipeline)),
        checkpoints(pipeline),
        refused);
  }

  /** Empty where the engine takes none: then it has no meter of them. */
  private Optional<CheckpointView> checkpoints(String pipeline) {
    if (meter(PipelineMeters.CHECKPOINT_DURATION, pipeline).gauge() == null) {
      return Optional.empty();
    }
    return Optional.of(
        new CheckpointView(
            sum(meter(PipelineMeters.CHECKPOINTS, pipeline)),
            sum(meter(PipelineMeters.CHECKPOINTS_FAILED, pipeline)),
            sum(meter(PipelineMeters.CHECKPOINT_DURATION, pipeline)),
            sum(meter(PipelineMeters.CHECKPOINT_BYTES, pipeline)),
            sum(meter(PipelineMeters.CHECKPOINT_STATE_BYTES, pipeline)),
            sum(meter(PipelineMeters.CHECKPOINT_AGE, pipeline))));
  }

  private Search meter(String name, String pipeline) {
    return registry.find(name).tag("pipeline", pipeline);
  }

  private static long sum(Search meters) {
    double counted = meters.counters().stream().mapToDouble(Counter::count).sum();
    double held = meters.gauges().stream().mapToDouble(Gauge::value).sum();
    return (long) (counted + held);
  }
}
