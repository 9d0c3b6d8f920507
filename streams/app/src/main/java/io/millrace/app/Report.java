package io.millrace.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.app.dashboard.DashboardSnapshot;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
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

  /** Figures of one pipeline; later families add their own. */
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
      List<String> outputTopics,
      String page) {}

  static Report of(DashboardSnapshot snapshot, double seconds, Optional<URI> page) {
    String address = page.map(URI::toString).orElse("");
    List<PipelineReport> pipelines = new ArrayList<>();
    for (PipelineView view : snapshot.pipelines()) {
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
            topics                 %s
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
          String.join(", ", pipeline.outputTopics()));
    }
    out.flush();
  }

  void write(Path file) throws IOException {
    Files.write(
        file,
        new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(this));
  }

  /** Four significant decimals are enough for a report; not finite becomes 0. */
  private static double rounded(double value) {
    return Double.isFinite(value) ? Math.round(value * 1e4) / 1e4 : 0;
  }
}
