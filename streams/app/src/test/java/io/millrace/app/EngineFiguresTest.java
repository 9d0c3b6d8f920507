package io.millrace.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.dashboard.CheckpointView;
import io.millrace.app.dashboard.PipelineCounters;
import io.millrace.runtime.PipelineMeters;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EngineFiguresTest {
  private static final Tags ECG = Tags.of("pipeline", "ecg", "engine", "any");

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final EngineFigures figures = new EngineFigures(registry);

  EngineFiguresTest() {
    registry.config().meterFilter(new MeterUnits());
  }

  private void gauge(String name, double value) {
    Gauge.builder(name, () -> value).tags(ECG).register(registry);
  }

  private void takesCheckpoints() {
    registry.counter(PipelineMeters.CHECKPOINTS, ECG).increment(12);
    registry.counter(PipelineMeters.CHECKPOINTS_FAILED, ECG).increment(1);
    gauge(PipelineMeters.CHECKPOINT_DURATION, 340);
    gauge(PipelineMeters.CHECKPOINT_BYTES, 1_200);
    gauge(PipelineMeters.CHECKPOINT_STATE_BYTES, 3_400);
    gauge(PipelineMeters.CHECKPOINT_AGE, 2_000);
  }

  @Test
  void addsUpStagesChannelsAndReasonsOfOnePipeline() {
    registry.counter(PipelineMeters.RECORDS_IN, ECG.and("stage", "sensors")).increment(9);
    registry.counter(PipelineMeters.RECORDS_IN, ECG.and("stage", "merge")).increment(100);
    registry.counter(PipelineMeters.RECORDS_OUT, ECG.and("channel", "codes")).increment(4);
    registry.counter(PipelineMeters.RECORDS_OUT, ECG.and("channel", "anomalies")).increment(1);
    registry.counter(PipelineMeters.DEAD_LETTERS, ECG.and("reason", "LATE")).increment(2);
    registry.counter(PipelineMeters.RESTARTS, ECG).increment(3);
    registry.counter(PipelineMeters.RESTARTS, "pipeline", "wsn", "engine", "any").increment(50);
    gauge(PipelineMeters.LAG_RECORDS, 7);
    gauge(PipelineMeters.STATE_BYTES, 800);
    gauge(PipelineMeters.KEYS, 6);

    assertEquals(
        new PipelineCounters.Counts(9, 5, 7, 800, 6, 3, Optional.empty(), Map.of("LATE", 2L)),
        figures.of("ecg"));
  }

  @Test
  void hasCheckpointsWhereTheEngineTakesThem() {
    takesCheckpoints();

    assertEquals(
        Optional.of(new CheckpointView(12, 1, 340, 1_200, 3_400, 2_000)),
        figures.of("ecg").checkpoints());
    assertEquals(Optional.empty(), figures.of("wsn").checkpoints());
  }

  @Test
  void prometheusSeesEveryMeterWithItsUnitWhoeverKeepsIt() {
    takesCheckpoints();
    gauge(PipelineMeters.STATE_BYTES, 800);
    registry.counter(PipelineMeters.STATE_WRITTEN, ECG).increment(5);

    String scraped = registry.scrape();

    for (String name :
        new String[] {
          "millrace_checkpoints_total",
          "millrace_checkpoints_failed_total",
          "millrace_checkpoint_duration_milliseconds",
          "millrace_checkpoint_bytes",
          "millrace_checkpoint_state_bytes",
          "millrace_checkpoint_age_milliseconds",
          "millrace_state_bytes",
          "millrace_state_written_bytes_total"
        }) {
      assertTrue(scraped.contains("\n" + name + "{engine=\"any\",pipeline=\"ecg\"} "), scraped);
    }
  }
}
