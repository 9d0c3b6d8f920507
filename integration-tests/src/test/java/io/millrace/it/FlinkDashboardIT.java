package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.dashboard.CheckpointView;
import io.millrace.app.dashboard.DashboardServer;
import io.millrace.app.dashboard.DashboardSnapshot;
import io.millrace.app.dashboard.DashboardSnapshot.HistoryView;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the page shows of an engine that takes checkpoints. Skipped where there is no Chromium. */
class FlinkDashboardIT {

  @Test
  void checkpointsAdvanceWhileTheDemoLearnsOnFlink(@TempDir Path directory) {
    Browser.assumeInstalled();
    try (DemoPage demo = DemoPage.start(directory, "--engine", "flink");
        Browser browser = Browser.open(demo.url(), directory)) {
      browser.await("the engine is named", () -> browser.text("engine").equals("flink"));
      browser.await("records are counted", () -> browser.figure("records-in") > 0);
      browser.await("a checkpoint is counted", () -> browser.figure("checkpoints") > 0);
      double before = browser.figure("checkpoints");
      browser.await("another is counted", () -> browser.figure("checkpoints") > before);
      browser.await("it has a size", () -> browser.figure("checkpoint-bytes") > 0);
      browser.await(
          "it holds no less",
          () -> browser.figure("checkpoint-state-bytes") >= browser.figure("checkpoint-bytes"));
      browser.await("it took a time", () -> browser.figure("checkpoint-duration") > 0);
      assertEquals(2, browser.shown(".tile.checkpoint").size());
      assertEquals("0", browser.text("restarts"));
      browser.assertFitsAPhone();
      assertEquals(List.of(), browser.complaints());
    }
  }

  @Test
  void figuresReadAsPeopleReadThem(@TempDir Path directory) {
    Browser.assumeInstalled();
    DashboardSnapshot fed = fed(new CheckpointView(1_234, 2, 1_340, 1_200_000, 45_600_000, 2_100));
    DashboardServer page =
        DashboardServer.start(
            DashboardServer.Settings.onLoopback(0),
            () -> fed,
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    try (Browser browser = Browser.open(page.url().toString(), directory)) {
      browser.await("figures are there", () -> browser.figure("checkpoints") > 0);
      assertEquals("1,234", browser.text("checkpoints"));
      assertEquals("2 s ago", browser.text("checkpoint-age"));
      assertEquals("2", browser.text("checkpoints-failed"));
      assertEquals("1.34", browser.text("checkpoint-duration"));
      assertEquals("s", browser.text("checkpoint-duration-unit"));
      assertEquals("1.20 MB", browser.text("checkpoint-bytes"));
      assertEquals("45.6 MB", browser.text("checkpoint-state-bytes"));
      assertEquals("3", browser.text("restarts"));
      assertEquals("bad", browser.attribute("#restarts", "class"));
    } finally {
      page.close();
    }
  }

  private static DashboardSnapshot fed(CheckpointView checkpoints) {
    float[] none = new float[0];
    PipelineView pipeline =
        new PipelineView(
            "ecg",
            "dictionary",
            "flink",
            10,
            1,
            5,
            0,
            0,
            Map.of(),
            4,
            0.1,
            3,
            8,
            16,
            0,
            1,
            2_000,
            2,
            3,
            Optional.of(checkpoints),
            "ecg.readings",
            List.of("ecg.codes"),
            new HistoryView(new long[0], none, none, none, none, none),
            List.of(),
            List.of(),
            List.of(),
            Optional.empty(),
            Optional.empty());
    return new DashboardSnapshot(
        "1", "flink", "2026-01-01T00:00:00Z", 60, "scalar", List.of(pipeline));
  }
}
