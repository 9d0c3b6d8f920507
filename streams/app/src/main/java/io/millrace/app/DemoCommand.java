package io.millrace.app;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.SensorDataset;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.Pipeline;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace demo}: a broker in this process unless one is given, the shipped data sets
 * replayed into it, the pipelines learning from them, and the page.
 */
@Command(
    name = "demo",
    description =
        "Learns from the shipped data sets, live on a page, with nothing else to install.",
    mixinStandardHelpOptions = true,
    subcommands = {CacheDemoCommand.class, FederatedDemoCommand.class})
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Mixin private DemoOptions options;

  @Option(
      names = "--rate",
      defaultValue = "20000",
      description = "Readings per second and data set (default: ${DEFAULT-VALUE}).")
  private double rate;

  @Override
  public Integer call() throws Exception {
    if (!(rate > 0) || Double.isInfinite(rate)) {
      throw new ConfigurationException("--rate: got " + rate + ", expected a number above 0");
    }
    options.requirePossible();
    PrintWriter out = spec.commandLine().getOut();
    options.run(
        out, (servers, directory, interrupted) -> demo(servers, directory, interrupted, out));
    return 0;
  }

  private void demo(String servers, Path directory, CountDownLatch interrupted, PrintWriter out)
      throws Exception {
    Deployment deployment = options.deployment("demo.yaml", servers, directory);
    Duration length = options.lengthOrNull();
    Path report = options.reportOrNull();
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation topics = new TopicCreation(admin);
      topics.apply(topics.plan(DeploymentTopics.of(deployment)));
    }
    DemoOptions.say(out, "Starting the pipelines ...");
    List<ReadingReplayer> replays = new ArrayList<>();
    try (RunningDeployment running =
        RunningDeployment.plan(deployment, options.engine(), LaunchSettings.LOCAL)) {
      running.start();
      DemoWatch watch = new DemoWatch(running, out);
      for (Pipeline pipeline : deployment.pipelines()) {
        SensorDataset dataset =
            SensorDataset.shipped(pipeline.name())
                .orElseThrow(() -> new IllegalStateException("no data set " + pipeline.name()));
        ReadingReplayer replay =
            new ReadingReplayer(
                dataset, ReplaySettings.forever(pipeline.topic("input"), rate), deployment.kafka());
        replays.add(replay);
        replay.start();
      }
      watch.announce("Learning", length);
      watch.until(length, interrupted, new Replays(running, replays));
      replays.forEach(ReadingReplayer::close);
      Report summary = Report.of(running.snapshot(), watch.seconds(), running.page());
      summary.print(out);
      if (report != null) {
        summary.write(report);
        DemoOptions.say(out, "Report: " + report);
      }
    } finally {
      replays.forEach(ReadingReplayer::close);
    }
  }

  /** What the pipelines learn from the data sets. */
  private record Replays(RunningDeployment running, List<ReadingReplayer> replays)
      implements DemoWatch.Sight {
    @Override
    public String failure() {
      return replays.stream()
          .map(replay -> replay.progress().failure())
          .filter(failure -> !failure.isEmpty())
          .findFirst()
          .map(failure -> "replay stopped: " + failure)
          .orElse("");
    }

    @Override
    public String line() {
      return running.snapshot().pipelines().stream()
          .map(
              view ->
                  String.format(
                      Locale.ROOT,
                      "%s: %,d readings, version %d, %.1f:1, error %.1f %%",
                      view.name(),
                      view.recordsIn(),
                      view.modelVersions(),
                      view.compressionRatio(),
                      100 * view.relativeError()))
          .collect(Collectors.joining("  "));
    }
  }
}
