package io.millrace.app;

import io.millrace.app.continuation.SessionLoop;
import io.millrace.app.dashboard.CacheView;
import io.millrace.app.dashboard.ContinuationView;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.Pipeline;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace demo kvcache}: the shipped decoder writes several texts at once, its keys and
 * values flow through a broker into the KV-cache pipeline, and a second decoder goes on from the
 * pages alone.
 */
@Command(
    name = "kvcache",
    description = {
      "A decoder writes, its keys and values become pages, a second one continues from those,",
      "live on a page, with nothing else to install."
    },
    mixinStandardHelpOptions = true)
final class CacheDemoCommand implements Callable<Integer> {
  private static final int MOST_SESSIONS = 64;

  @Spec private CommandSpec spec;

  @Mixin private DemoOptions options;

  @Option(
      names = "--sessions",
      defaultValue = "4",
      description = "Texts written side by side (default: ${DEFAULT-VALUE}).")
  private int sessions;

  @Option(
      names = "--rate",
      defaultValue = "40",
      description = "Tokens per second and session (default: ${DEFAULT-VALUE}).")
  private double rate;

  /**
   * What a run did, for machines.
   *
   * @param millrace version
   * @param seconds of the run
   * @param pipeline figures as on the page
   * @param bitsPerValue of all pages
   * @param compressedBitsPerValue of fine and coarse ones
   * @param tiers exact, fine, coarse
   * @param layers errors that pages say of themselves
   * @param sessions seen
   * @param basisVersions learned
   * @param continuation what the second decoder made of the pages
   * @param page URL; empty when there was none
   */
  record CacheReport(
      String millrace,
      double seconds,
      Figures pipeline,
      double bitsPerValue,
      double compressedBitsPerValue,
      List<CacheView.TierView> tiers,
      List<CacheView.LayerView> layers,
      long sessions,
      long basisVersions,
      ContinuationView continuation,
      String page) {}

  /** Figures of the pipeline. */
  record Figures(
      String name,
      String engine,
      long recordsIn,
      long recordsOut,
      long deadLetters,
      long stateBytes,
      long keys,
      long restarts) {}

  @Override
  public Integer call() throws Exception {
    if (!(rate > 0) || Double.isInfinite(rate)) {
      throw new ConfigurationException("--rate: got " + rate + ", expected a number above 0");
    }
    if (sessions < 1 || sessions > MOST_SESSIONS) {
      throw new ConfigurationException(
          "--sessions: got " + sessions + ", expected 1 to " + MOST_SESSIONS);
    }
    options.requirePossible();
    PrintWriter out = spec.commandLine().getOut();
    options.run(
        out, (servers, directory, interrupted) -> demo(servers, directory, interrupted, out));
    return 0;
  }

  private void demo(String servers, Path directory, CountDownLatch interrupted, PrintWriter out)
      throws Exception {
    Deployment deployment = options.deployment("kvcache.yaml", servers, directory);
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation topics = new TopicCreation(admin);
      topics.apply(topics.plan(DeploymentTopics.of(deployment)));
    }
    DemoOptions.say(out, "Starting the pipeline ...");
    try (RunningDeployment running =
        RunningDeployment.plan(deployment, options.engine(), LaunchSettings.LOCAL)) {
      running.start();
      DemoWatch watch = new DemoWatch(running, out);
      Pipeline pipeline = deployment.pipelines().get(0);
      try (SessionLoop loop =
          SessionLoop.start(
              new SessionLoop.Plan(
                  deployment.kafka(),
                  pipeline.topic("input"),
                  pipeline.topic("pages"),
                  pipeline.topic("bases"),
                  sessions,
                  rate))) {
        running.show(loop::view);
        watch.announce("Writing and reading", options.lengthOrNull());
        watch.until(options.lengthOrNull(), interrupted, new Sessions(running, loop));
      }
      summary(running, watch.seconds(), out);
    }
  }

  /** What the decoders write and read. */
  private record Sessions(RunningDeployment running, SessionLoop loop) implements DemoWatch.Sight {
    @Override
    public String failure() {
      return loop.failure().isEmpty() ? "" : "the decoders stopped: " + loop.failure();
    }

    @Override
    public String line() {
      PipelineView view = running.snapshot().pipelines().get(0);
      CacheView cache = view.cache().orElseThrow();
      ContinuationView reading = cache.continuation().orElseThrow();
      return String.format(
          Locale.ROOT,
          "%,d blocks in, %d sessions, pages of %.2f bits a value, %d bases, %d continued%s",
          view.recordsIn(),
          cache.sessionsSeen(),
          cache.compressedBitsPerValue(),
          cache.bases(),
          reading.continued(),
          reading.tokens() == 0
              ? ""
              : String.format(Locale.ROOT, ", %+.4f nats a token", reading.addedNats()));
    }
  }

  private void summary(RunningDeployment running, double seconds, PrintWriter out)
      throws Exception {
    PipelineView view = running.snapshot().pipelines().get(0);
    CacheView cache = view.cache().orElseThrow();
    ContinuationView reading = cache.continuation().orElseThrow();
    String page = running.page().map(Object::toString).orElse("");
    out.printf(Locale.ROOT, "%nMillrace %s ran for %.1f s%n", Release.version(), seconds);
    out.printf(
        Locale.ROOT,
        """

        %s (%s on %s)
          records in             %,d
          records out            %,d
          sessions               %d written, %d continued from their pages
          bits a value           %.2f compressed, %.2f with exact tails and sinks
        """,
        view.name(),
        view.family(),
        view.engine(),
        view.recordsIn(),
        view.recordsOut(),
        cache.sessionsSeen(),
        reading.continued(),
        cache.compressedBitsPerValue(),
        cache.bitsPerValue());
    for (CacheView.TierView tier : cache.tiers()) {
      if (tier.pages() > 0) {
        out.printf(
            Locale.ROOT,
            "    %-20s %,d pages, keys %.2f and values %.2f bits by %s%n",
            tier.tier().toLowerCase(Locale.ROOT),
            tier.pages(),
            tier.keyBits(),
            tier.valueBits(),
            String.join(", ", tier.codecs()));
      }
    }
    out.printf(
        Locale.ROOT,
        """
          basis versions         %d, of %d layers' keys and values
          loss with pages        %+.4f nats a token above the exact %.4f, over %,d tokens
          dead letters           %d
          restarts               %d
        """,
        cache.basisVersions(),
        cache.bases(),
        reading.addedNats(),
        reading.exactNats(),
        reading.tokens(),
        view.deadLetters(),
        view.restarts());
    for (ContinuationView.TextView text : reading.texts().stream().limit(1).toList()) {
      out.printf(
          "%n  ... %s%n  exactly:    %s%n  from pages: %s%n",
          oneLine(text.before()), oneLine(text.exact()), oneLine(text.pages()));
    }
    out.flush();
    if (options.reportOrNull() != null) {
      Figures figures =
          new Figures(
              view.name(),
              view.engine(),
              view.recordsIn(),
              view.recordsOut(),
              view.deadLetters(),
              view.stateBytes(),
              view.keys(),
              view.restarts());
      ReportJson.write(
          options.reportOrNull(),
          new CacheReport(
              Release.version(),
              seconds,
              figures,
              cache.bitsPerValue(),
              cache.compressedBitsPerValue(),
              cache.tiers(),
              cache.layers(),
              cache.sessionsSeen(),
              cache.basisVersions(),
              reading,
              page));
      DemoOptions.say(out, "Report: " + options.reportOrNull());
    }
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
