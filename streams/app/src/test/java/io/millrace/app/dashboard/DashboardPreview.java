package io.millrace.app.dashboard;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/** Serves the page with made-up pipelines, for working on it without a broker. */
public final class DashboardPreview {
  private DashboardPreview() {}

  /**
   * @param arguments the port (0: any that is free) and the engine to play; both may be left out
   */
  public static void main(String[] arguments) {
    PipelineFeed hearts = feed("ecg");
    PipelineFeed motes = feed("wsn");
    List<PreviewSignal> beats =
        List.of(
            new PreviewSignal(hearts, "mitbih/208", 1, 2_778, 1),
            new PreviewSignal(hearts, "mitbih/<script>alert(1)</script>", 1, 2_778, 2));
    List<PreviewSignal> waves =
        List.of(
            new PreviewSignal(motes, "multi-hop/1", 2, 5_000_000, 3),
            new PreviewSignal(motes, "multi-hop/3", 2, 5_000_000, 4));
    PreviewRounds rounds = new PreviewRounds();
    Instant startedAt = Instant.now();
    AtomicReference<DashboardSnapshot> latest = new AtomicReference<>();
    int port = arguments.length == 0 ? 0 : Integer.parseInt(arguments[0]);
    String engine = arguments.length < 2 ? "kafka-streams" : arguments[1];
    boolean served = false;
    for (long round = 0; ; round++) {
      long now = System.currentTimeMillis();
      for (int step = 0; step < (round == 0 ? 12_000 : 180); step++) {
        beats.forEach(signal -> signal.step(now));
      }
      for (int step = 0; step < (round == 0 ? 6_000 : 40); step++) {
        waves.forEach(signal -> signal.step(now));
      }
      if (round % 4 == 3) {
        rounds.step(round / 4);
      }
      latest.set(
          new DashboardSnapshot(
              "0.1.0",
              engine,
              startedAt.toString(),
              (now - startedAt.toEpochMilli()) / 1000.0,
              "simd-512",
              List.of(
                  hearts.tick(now, engine, counts(beats, round, engine)),
                  motes.tick(now, engine, counts(waves, round, engine)),
                  rounds.feed().tick(now, engine, counts(waves, round, engine)))));
      if (!served) {
        served = true;
        DashboardServer server =
            DashboardServer.start(
                DashboardServer.Settings.onLoopback(port),
                latest::get,
                new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        System.out.println("Page: " + server.url());
      }
      LockSupport.parkNanos(500_000_000L);
    }
  }

  private static PipelineCounters.Counts counts(
      List<PreviewSignal> signals, long round, String engine) {
    long in = signals.stream().mapToLong(PreviewSignal::readings).sum();
    long lag = Math.round(400 + 300 * Math.sin(round / 9.0));
    return new PipelineCounters.Counts(
        in,
        in / 64 + 90,
        lag,
        2_400_000 + 900 * round,
        signals.size(),
        round / 40,
        engine.equals("flink") ? Optional.of(checkpoints(round)) : Optional.empty(),
        Map.of());
  }

  private static CheckpointView checkpoints(long round) {
    return new CheckpointView(
        round / 5,
        round / 60,
        60 + Math.round(40 * Math.sin(round)),
        310_000 + 700 * round,
        5_200_000 + 900 * round,
        500 * (round % 5));
  }

  private static PipelineFeed feed(String name) {
    return new PipelineFeed(
        new FollowedPipeline(
            name,
            "dictionary",
            "",
            name + ".readings",
            name + ".codes",
            name + ".anomalies",
            name + ".dictionaries",
            name + ".dead-letters"));
  }
}
