package io.millrace.app;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.config.MeterFilter;
import io.millrace.runtime.PipelineMeters;
import java.util.Map;

/**
 * Gives the meters of {@link PipelineMeters} their units, so that Prometheus shows the same names
 * with the same units whichever engine keeps them.
 */
final class MeterUnits implements MeterFilter {
  private static final Map<String, String> UNITS =
      Map.of(
          PipelineMeters.STATE_BYTES, "bytes",
          PipelineMeters.STATE_WRITTEN, "bytes",
          PipelineMeters.CHECKPOINT_BYTES, "bytes",
          PipelineMeters.CHECKPOINT_STATE_BYTES, "bytes",
          PipelineMeters.CHECKPOINT_DURATION, "milliseconds",
          PipelineMeters.CHECKPOINT_AGE, "milliseconds");

  @Override
  public Meter.Id map(Meter.Id id) {
    String unit = UNITS.get(id.getName());
    return unit == null ? id : id.withBaseUnit(unit);
  }
}
