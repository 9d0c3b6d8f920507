package io.millrace.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.app.cohort.ChildProcesses;
import io.millrace.app.dashboard.EvaluationView.PointView;
import io.millrace.app.dashboard.FederatedView;
import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.Misconduct;
import io.millrace.runtime.ConfigurationException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace demo federated}: clients as processes, some of them against the others, the
 * aggregator as another, and a model that becomes good all the same. Kill any of them.
 */
@Command(
    name = "federated",
    description = {
      "Eight clients, each a process with images of its own and two of them against the others,",
      "make one model, live on a page. Every process may be killed (kill -9 PID, the numbers are",
      "printed and on the page): it is started again, and nothing is lost."
    },
    mixinStandardHelpOptions = true,
    subcommands = {FederatedPart.Aggregator.class, FederatedPart.Client.class})
final class FederatedDemoCommand implements Callable<Integer> {
  private static final int MOST_CLIENTS = 32;
  private static final double SILENCE_SECONDS = 10;

  @Spec private CommandSpec spec;

  @Mixin private DemoOptions options;

  @Option(
      names = "--task",
      defaultValue = "fashion",
      description = "fashion or digits (default: ${DEFAULT-VALUE}).")
  private String task;

  @Option(
      names = "--clients",
      defaultValue = "8",
      description = "Processes that train (default: ${DEFAULT-VALUE}).")
  private int clients;

  @Option(
      names = "--misconduct",
      split = ",",
      defaultValue = "alie,sign-flip",
      description = {
        "What the last clients do in place of their part, or none: sign-flip, far, alie, mimic,",
        "huge (default: ${DEFAULT-VALUE})."
      })
  private List<String> misconduct;

  @Option(
      names = "--rule",
      defaultValue = "robust",
      description = {
        "robust: nearest-neighbour mixing and trimmed mean; mean: plain averaging, which fails",
        "(default: ${DEFAULT-VALUE})."
      })
  private String rule;

  @Option(
      names = "--noise",
      defaultValue = "0",
      description = {
        "With --rule mean: noise of this many clips on every sum, and the privacy loss is"
            + " accounted",
        "for (default: ${DEFAULT-VALUE})."
      })
  private double noise;

  @Option(
      names = "--concentration",
      defaultValue = "1",
      description =
          "Dirichlet; the smaller, the less alike the clients (default: ${DEFAULT-VALUE}).")
  private double concentration;

  @Option(
      names = "--versions",
      defaultValue = "0",
      description = "Stop when so many are made (default: none is too many).")
  private long versions;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the division and of the first version (default: ${DEFAULT-VALUE}).")
  private long seed;

  /**
   * What a run did, for machines.
   *
   * @param millrace version
   * @param seconds of the run
   * @param engine of the aggregator
   * @param task what was learned
   * @param rule as it was asked for
   * @param reference accuracy trained in one place
   * @param goal accuracy that is good enough
   * @param accuracy of the newest version
   * @param accuracies by version
   * @param versions made
   * @param included updates in versions
   * @param carried updates
   * @param refused updates, by reason
   * @param refusedByClient updates
   * @param bytesSaved share of float32
   * @param epsilon privacy loss; 0 without noise
   * @param deadLetters of the pipeline
   * @param restarts of processes, by name
   * @param page URL
   */
  record FederatedReport(
      String millrace,
      double seconds,
      String engine,
      String task,
      String rule,
      double reference,
      double goal,
      double accuracy,
      List<PointView> accuracies,
      long versions,
      long included,
      long carried,
      Map<String, Long> refused,
      Map<String, Long> refusedByClient,
      double bytesSaved,
      double epsilon,
      long deadLetters,
      Map<String, Integer> restarts,
      String page) {}

  @Override
  public Integer call() throws Exception {
    List<Misconduct> against = against();
    if (clients < 3 || clients > MOST_CLIENTS) {
      throw new ConfigurationException(
          "--clients: got " + clients + ", expected 3 to " + MOST_CLIENTS);
    }
    if (2 * against.size() >= clients) {
      throw new ConfigurationException(
          "--misconduct: got " + against.size() + ", expected fewer than half of the clients");
    }
    if (!rule.equals("robust") && !rule.equals("mean")) {
      throw new ConfigurationException("--rule: got " + rule + ", expected robust or mean");
    }
    if (noise != 0 && !(rule.equals("mean") && noise >= 0.05 && noise <= 1e3)) {
      throw new ConfigurationException(
          "--noise: got " + noise + ", expected 0, or 0.05 to 1000 with --rule mean");
    }
    if (!(concentration >= 0.05 && concentration <= 1e6)) {
      throw new ConfigurationException(
          "--concentration: got " + concentration + ", expected 0.05 to 1000000");
    }
    FederatedTask learned = learned();
    Path jar = ChildProcesses.jar();
    options.requireEngine();
    PrintWriter out = spec.commandLine().getOut();
    options.run(
        out,
        (servers, directory, interrupted) -> {
          FederatedDemo.Plan plan =
              new FederatedDemo.Plan(task, clients, against, rule, noise, concentration, seed);
          try (FederatedDemo demo =
              FederatedDemo.start(
                  plan, learned, new FederatedDemo.Place(jar, servers, directory, options), out)) {
            long start = System.nanoTime();
            announce(demo, out);
            watch(demo, start, interrupted, out);
            summary(demo, learned, (System.nanoTime() - start) / 1e9, out);
          }
        });
    return 0;
  }

  private List<Misconduct> against() {
    List<Misconduct> against = new ArrayList<>();
    for (String label : misconduct) {
      if (!label.equals("none")) {
        try {
          against.add(Misconduct.of(label));
        } catch (IllegalArgumentException e) {
          throw new ConfigurationException("--" + e.getMessage());
        }
      }
    }
    return against;
  }

  private FederatedTask learned() {
    try {
      return FederatedTask.named(task);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("--" + e.getMessage());
    }
  }

  private void announce(FederatedDemo demo, PrintWriter out) {
    DemoOptions.say(
        out,
        "Training. Page: "
            + demo.page()
            + (options.lengthOrNull() == null ? "  (Ctrl-C ends the demo)" : ""));
    StringBuilder pids = new StringBuilder("Processes, each to be killed at will (kill -9 PID):");
    demo.processes()
        .forEach(
            process -> pids.append(' ').append(process.name()).append(' ').append(process.pid()));
    DemoOptions.say(out, pids.toString());
    DemoOptions.say(
        out, "In another window: millrace federated status -c " + demo.deploymentFile());
  }

  /** A line for every version, until there are enough or the user has had enough. */
  private void watch(
      FederatedDemo demo, long startNanos, CountDownLatch interrupted, PrintWriter out)
      throws InterruptedException {
    Duration length = options.lengthOrNull();
    long endNanos = length == null ? Long.MAX_VALUE : length.toNanos();
    long said = -1;
    long newest = -1;
    double nextLine = SILENCE_SECONDS;
    Map<String, Integer> starts = Map.of();
    while (true) {
      long passed = System.nanoTime() - startNanos;
      if (passed >= endNanos
          // the judge and the page read the log each on their own: the summary is for both
          || versions > 0 && Math.min(said, newest) >= versions
          || interrupted.await(Math.min(250_000_000L, endNanos - passed), TimeUnit.NANOSECONDS)) {
        return;
      }
      if (!demo.failure().isEmpty()) {
        throw new IllegalStateException("the versions are not what they say: " + demo.failure());
      }
      starts = sayRestarts(demo, starts, out);
      FederatedView view = demo.view();
      newest = view.newest();
      for (PointView point : view.evaluation().orElseThrow().points()) {
        if (point.version() > said) {
          said = point.version();
          nextLine = passed / 1e9 + SILENCE_SECONDS;
          DemoOptions.say(out, line(view, point, passed / 1e9));
        }
      }
      if (passed / 1e9 >= nextLine) {
        nextLine = passed / 1e9 + SILENCE_SECONDS;
        DemoOptions.say(out, String.format(Locale.ROOT, "%.0f s: %s", passed / 1e9, round(view)));
      }
    }
  }

  private static Map<String, Integer> sayRestarts(
      FederatedDemo demo, Map<String, Integer> before, PrintWriter out) {
    for (ChildProcesses.State process : demo.processes()) {
      Integer known = before.get(process.name());
      if (known != null && process.starts() > known) {
        DemoOptions.say(
            out, process.name() + " has ended and was started again, as " + process.pid());
      }
    }
    return demo.starts();
  }

  private static String line(FederatedView view, PointView point, double seconds) {
    return String.format(
        Locale.ROOT,
        "version %d: accuracy %s after %.0f s, %d updates in all, %d refused; %s",
        point.version(),
        percent(point.accuracy()),
        seconds,
        view.included(),
        refused(view),
        round(view));
  }

  private static String round(FederatedView view) {
    if (view.round().phase().isEmpty()) {
      return "waiting for the first round";
    }
    return String.format(
        Locale.ROOT,
        "round %d is %s, %d of %d",
        view.round().number(),
        view.round().phase().toLowerCase(Locale.ROOT),
        view.round().complete(),
        view.round().target());
  }

  private static long refused(FederatedView view) {
    return view.refused().values().stream().mapToLong(Long::longValue).sum();
  }

  private static double accuracy(FederatedView view) {
    List<PointView> points = view.evaluation().orElseThrow().points();
    return points.isEmpty() ? Double.NaN : points.get(points.size() - 1).accuracy();
  }

  private static double saved(FederatedView view) {
    return 1 - view.updateBytes() / view.plainBytes();
  }

  private static String percent(double share) {
    return Double.isNaN(share) ? "not known" : String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private void summary(FederatedDemo demo, FederatedTask learned, double seconds, PrintWriter out)
      throws Exception {
    FederatedView view = demo.view();
    FederatedReport report = report(demo, learned, view, seconds);
    out.printf(Locale.ROOT, "%nMillrace %s ran for %.1f s%n", Release.version(), seconds);
    out.printf(
        Locale.ROOT,
        """

        %s (%s on %s)
          versions               %d, by %s
          accuracy               %s of %d test images; trained in one place %s
          updates                %d in versions, %d carried, %d refused%s
          refused, by client     %s
          bytes saved            %s (%s)
          privacy loss           %s
          lineage                %s
          dead letters           %d
          restarts               %s
        """,
        learned.name(),
        rule,
        options.engine(),
        report.versions(),
        view.rule().isEmpty() ? "nothing yet" : view.rule(),
        percent(report.accuracy()),
        learned.images().test().count(),
        percent(learned.reference()),
        report.included(),
        report.carried(),
        refused(view),
        view.refused().isEmpty() ? "" : " " + view.refused(),
        report.refusedByClient().isEmpty() ? "none" : report.refusedByClient(),
        percent(report.bytesSaved()),
        view.codec(),
        view.epsilon() > 0
            ? String.format(Locale.ROOT, "epsilon %.2f at delta %.0e", view.epsilon(), view.delta())
            : "none is accounted: no noise",
        view.lineage().isEmpty() ? "none" : view.lineage().get(0).lineage(),
        report.deadLetters(),
        report.restarts().isEmpty() ? "none" : report.restarts());
    out.flush();
    if (options.reportOrNull() != null) {
      Files.write(
          options.reportOrNull(),
          new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(report));
      DemoOptions.say(out, "Report: " + options.reportOrNull());
    }
  }

  private FederatedReport report(
      FederatedDemo demo, FederatedTask learned, FederatedView view, double seconds) {
    Map<String, Long> byClient = new TreeMap<>();
    view.clients().stream()
        .filter(client -> client.refused() > 0)
        .forEach(client -> byClient.put(client.client(), client.refused()));
    Map<String, Integer> restarts = new TreeMap<>();
    demo.starts()
        .forEach(
            (name, starts) -> {
              if (starts > 1) {
                restarts.put(name, starts - 1);
              }
            });
    return new FederatedReport(
        Release.version(),
        seconds,
        options.engine(),
        learned.name(),
        rule,
        learned.reference(),
        learned.reference() - FederatedTask.TOLERANCE,
        accuracy(view),
        view.evaluation().orElseThrow().points(),
        Math.max(0, view.newest()),
        view.included(),
        view.carried(),
        view.refused(),
        byClient,
        saved(view),
        view.epsilon(),
        demo.deadLetters(),
        restarts,
        demo.page().toString());
  }
}
