package io.millrace.app;

import io.millrace.app.dashboard.CheckpointView;
import io.millrace.app.dashboard.DashboardSnapshot;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a run did, for a person and for machines.
 *
 * @param millrace version
 * @param seconds of the run
 * @param page URL; empty when there was none
 */
record Report(String millrace, double seconds, List<PipelineReport> pipelines, String page) {
  private static final CheckpointView NO_CHECKPOINTS = new CheckpointView(0, 0, 0, 0, 0, 0);

  /**
   * Figures of one pipeline; later families add their own. Those of checkpoints are 0 on an engine
   * that takes none; the newest one's are milliseconds and bytes.
   */
  record PipelineReport(
      String name,
      String family,
      String engine,
      long recordsIn,
      long recordsOut,
      double recordsPerSecond,
      long deadLetters,
      double compressionRatio,
      double relativeError,
      int atomsInUse,
      long alarms,
      long modelVersions,
      long restarts,
      long checkpoints,
      long checkpointsFailed,
      long checkpointMillis,
      long checkpointBytes,
      long checkpointStateBytes,
      List<String> outputTopics,
      String page) {}

  static Report of(DashboardSnapshot snapshot, double seconds, Optional<URI> page) {
    String address = page.map(URI::toString).orElse("");
    List<PipelineReport> pipelines = new ArrayList<>();
    for (PipelineView view : snapshot.pipelines()) {
      CheckpointView checkpoints = view.checkpoints().orElse(NO_CHECKPOINTS);
      pipelines.add(
          new PipelineReport(
              view.name(),
              view.family(),
              view.engine(),
              view.recordsIn(),
              view.recordsOut(),
              rounded(view.recordsIn() / seconds),
              view.deadLetters(),
              rounded(view.compressionRatio()),
              rounded(view.relativeError()),
              view.atomsInUse(),
              view.alarms(),
              view.modelVersions(),
              view.restarts(),
              checkpoints.completed(),
              checkpoints.failed(),
              checkpoints.durationMillis(),
              checkpoints.writtenBytes(),
              checkpoints.stateBytes(),
              view.outputTopics(),
              address));
    }
    return new Report(Release.version(), rounded(seconds), pipelines, address);
  }

  void print(PrintWriter out) {
    out.printf(Locale.ROOT, "%nMillrace %s ran for %.1f s%n", millrace, seconds);
    for (PipelineReport pipeline : pipelines) {
      out.printf(
          Locale.ROOT,
          """

          %s (%s on %s)
            records in             %,d (%,.0f/s)
            records out            %,d
            compression            %.1f : 1 at the error bound
            reconstruction error   %.2f %% of the usual deviation, before corrections (median window)
            atoms in use           %d
            model versions         %d
            alarms                 %d
            dead letters           %d
            restarts               %d
            %stopics                 %s
          """,
          pipeline.name(),
          pipeline.family(),
          pipeline.engine(),
          pipeline.recordsIn(),
          pipeline.recordsPerSecond(),
          pipeline.recordsOut(),
          pipeline.compressionRatio(),
          100 * pipeline.relativeError(),
          pipeline.atomsInUse(),
          pipeline.modelVersions(),
          pipeline.alarms(),
          pipeline.deadLetters(),
          pipeline.restarts(),
          checkpoints(pipeline),
          String.join(", ", pipeline.outputTopics()));
    }
    out.flush();
  }

  /** A line, or nothing where there were none. */
  private static String checkpoints(PipelineReport pipeline) {
    return pipeline.checkpoints() + pipeline.checkpointsFailed() == 0
        ? ""
        : String.format(
            Locale.ROOT,
            "checkpoints            %d (%d failed), the newest took %d ms and wrote %s of %s%n  ",
            pipeline.checkpoints(),
            pipeline.checkpointsFailed(),
            pipeline.checkpointMillis(),
            bytes(pipeline.checkpointBytes()),
            bytes(pipeline.checkpointStateBytes()));
  }

  /** Decimal units, three digits or so: 1.2 MB. */
  private static String bytes(long bytes) {
    if (bytes < 1000) {
      return bytes + " B";
    }
    double value = bytes / 1e3;
    int unit = 0;
    while (value >= 1000 && unit < 3) {
      value /= 1000;
      unit++;
    }
    return String.format(
        Locale.ROOT, value < 100 ? "%.1f %cB" : "%.0f %cB", value, "kMGT".charAt(unit));
  }

  void write(Path file) throws IOException {
    ReportJson.write(file, this);
  }

  /** Four significant decimals are enough for a report; not finite becomes 0. */
  private static double rounded(double value) {
    return Double.isFinite(value) ? Math.round(value * 1e4) / 1e4 : 0;
  }
}
