package io.millrace.app.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;

/**
 * The whole pipeline against a copy of its input topic on the same engine: the same records,
 * broker, guarantee, commit interval, client settings, thread and machine, in turns. Each engine
 * has a process of its own, the broker has this one. The clock runs from the start of the run to a
 * commit of all readings that count; the steady rate leaves out start and end.
 */
final class PipelineBenchmark {
  private static final String INPUT = "bench.input";
  private static final String COPY = "bench.copy";

  private final PrintWriter out;
  private final List<BenchSubject> subjects;
  private final Plan plan;
  private final PipelineLoad load;

  /**
   * How much is measured.
   *
   * @param records of each run
   * @param more records behind those, so that no engine runs dry: Flink's source then commits its
   *     last offsets up to 10 s late, in a poll that waits for records
   * @param rounds that count
   * @param commitMillis commit or checkpoint interval
   */
  record Plan(int records, int more, int rounds, int commitMillis) {
    static final Plan FULL = new Plan(3_000_000, 2_000_000, 3, 1000);
    static final Plan QUICK = new Plan(480_000, 800_000, 1, 200);
    static final Plan CACHE = new Plan(6_000, 4_000, 3, 1000);
    static final Plan QUICK_CACHE = new Plan(1_600, 3_200, 1, 200);

    Plan withRounds(int rounds) {
      return new Plan(records, more, rounds, commitMillis);
    }
  }

  /** One run: of a subject, or of the identity it is held against. */
  record Run(double wholeRate, double steadyRate, double cpuSeconds) {}

  PipelineBenchmark(PrintWriter out, PipelineLoad load, Plan plan, List<BenchSubject> subjects) {
    this.out = out;
    this.load = load;
    this.subjects = subjects;
    this.plan = plan;
  }

  List<BenchmarkResult> run() throws IOException, InterruptedException {
    Map<String, EngineProcess> engines = new LinkedHashMap<>();
    try (BenchBroker broker = BenchBroker.start()) {
      try {
        broker.createTopics(deployment(broker, subjects.get(0), "bench"), COPY);
        int records = plan.records() + plan.more();
        out.printf(Locale.ROOT, "writing %,d records of %s ...%n", records, load.record());
        out.flush();
        load.filler().fill(broker.servers(), INPUT, records);
        for (BenchSubject subject : subjects) {
          engines.computeIfAbsent(subject.engine(), broker::startEngine);
        }
        return measure(broker, engines);
      } finally {
        engines.values().forEach(EngineProcess::close);
      }
    }
  }

  private List<BenchmarkResult> measure(BenchBroker broker, Map<String, EngineProcess> engines)
      throws InterruptedException {
    Map<BenchSubject, List<Run>> runs = new HashMap<>();
    List<BenchSubject> order = new ArrayList<>(withIdentities());
    // a third of the input first, not counted: all meet compiled code afterwards
    for (BenchSubject subject : order) {
      run(broker, engines.get(subject.engine()), subject, "warm", plan.records() / 3);
    }
    for (int round = 1; round <= plan.rounds(); round++) {
      for (BenchSubject subject : order) {
        EngineProcess engine = engines.get(subject.engine());
        Run run = run(broker, engine, subject, "round" + round, plan.records());
        runs.computeIfAbsent(subject, any -> new ArrayList<>()).add(run);
        out.printf(
            Locale.ROOT,
            "round %d, %-32s %,11.0f/s, steadily %,11.0f/s, %5.2f CPU s%n",
            round,
            subject.name(),
            run.wholeRate(),
            run.steadyRate(),
            run.cpuSeconds());
        out.flush();
      }
      // whoever was first is last: a drift of the machine meets both sides
      Collections.reverse(order);
    }
    List<BenchmarkResult> results = new ArrayList<>();
    for (BenchSubject subject : subjects) {
      results.addAll(
          results(load, subject, runs.get(subject), runs.get(subject.identity()), plan.records()));
    }
    return results;
  }

  /** Each identity before the subjects that are held against it. */
  private Set<BenchSubject> withIdentities() {
    Set<BenchSubject> all = new LinkedHashSet<>();
    for (BenchSubject subject : subjects) {
      all.add(subject.identity());
      subjects.stream().filter(s -> s.identity().equals(subject.identity())).forEach(all::add);
    }
    return all;
  }

  private Run run(
      BenchBroker broker, EngineProcess engine, BenchSubject subject, String label, long records)
      throws InterruptedException {
    String name = (label + ' ' + subject.name()).replace(' ', '-');
    String deployment = deployment(broker, subject, name);
    String group = name + (subject.isIdentity() ? "-copy" : "-" + load.pipeline());
    EngineAnswer before =
        engine.ask(
            subject.isIdentity()
                ? EngineRequest.copy(deployment, INPUT, COPY)
                : EngineRequest.run(deployment));
    long start = System.nanoTime();
    try {
      CommitSeries commits = new CommitSeries();
      while (commits.last() < records) {
        double seconds = (System.nanoTime() - start) / 1e9;
        if (seconds > TimeUnit.MINUTES.toSeconds(2)) {
          throw new IllegalStateException(name + " did not finish in 2 minutes");
        }
        commits.saw(seconds, broker.committed(group, INPUT));
        LockSupport.parkNanos(10_000_000L);
      }
      double cpuSeconds = engine.ask(EngineRequest.figures()).cpuSeconds() - before.cpuSeconds();
      return new Run(
          commits.wholeRate(), commits.steadyRate().orElse(commits.wholeRate()), cpuSeconds);
    } finally {
      engine.ask(EngineRequest.stop());
      broker.clear(name);
    }
  }

  /** Rates and CPU time of a subject against its identity's, ratios round by round. */
  static List<BenchmarkResult> results(
      PipelineLoad load, BenchSubject subject, List<Run> own, List<Run> identity, long records) {
    String unit = load.record() + "/s";
    String against = subject.identity().name();
    return List.of(
        result(subject, "whole run", unit, own, against, identity, Run::wholeRate),
        result(subject, "steady", unit, own, against, identity, Run::steadyRate),
        result(
            subject,
            "CPU of the engine",
            "ns/" + load.record().substring(0, load.record().length() - 1),
            own,
            against,
            identity,
            run -> run.cpuSeconds() * 1e9 / records));
  }

  /** A figure of a subject against its identity's, the ratio that of the rounds in the middle. */
  static BenchmarkResult result(
      BenchSubject subject,
      String figure,
      String unit,
      List<Run> own,
      String against,
      List<Run> identity,
      ToDoubleFunction<Run> value) {
    double[] values = own.stream().mapToDouble(value).toArray();
    double[] others = identity.stream().mapToDouble(value).toArray();
    double[] ratios = new double[values.length];
    Arrays.setAll(ratios, round -> values[round] / others[round]);
    return new BenchmarkResult(
        subject.name(),
        figure,
        median(values),
        unit,
        median(own.stream().mapToDouble(Run::cpuSeconds).toArray()),
        against,
        median(others),
        median(ratios));
  }

  private String deployment(BenchBroker broker, BenchSubject subject, String name) {
    return """
    name: %s
    state-directory: %s
    kafka: {bootstrap.servers: "%s"}
    topics: {partitions: 1}
    engine: {commit-interval-millis: %d, guarantee: %s}
    dashboard: {enabled: false}
    %s
    pipelines:
      - name: %s
        input: %s
    %s\
    """
        .formatted(
            name,
            broker.directory(name),
            broker.servers(),
            plan.commitMillis(),
            subject.guarantee(),
            subject.engineProperties(),
            load.pipeline(),
            INPUT,
            load.yaml());
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
