package io.millrace.app.bench;

import io.millrace.runtime.PipelineMeters;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/**
 * What a checkpoint costs as the number of keys grows, when all of them are active and when one in
 * a hundred is: its duration, the bytes that the keeper wrote into the engine's store (changed
 * chunks), and the bytes that the engine uploaded. Kafka Streams has no checkpoints; what its
 * keeper writes goes to the changelog topic at each commit.
 *
 * <p>Every sensor is given windows until it has learned a version; then the active ones get one
 * reading at a time, some in each interval, while the checkpoints pass by.
 */
final class CheckpointBenchmark {
  private static final int WINDOW = 16;
  private static final int ATOMS = 32;

  /** Windows of every sensor before anything is measured. */
  private static final int LOAD_WINDOWS = 4;

  private static final int INTERVAL_MILLIS = 1000;
  private static final int LAPS_PER_INTERVAL = 2;
  private static final int ACTIVE_SHARE = 100;

  /** Flink's counters reach the meters up to this late on an idle machine. */
  private static final long METERS_NANOS = 1_750_000_000L;

  private final PrintWriter out;
  private final List<BenchSubject> stores;
  private final int[] keyCounts;
  private final int commits;

  /** The newest checkpoint, as the meters had it. */
  record Checkpoint(double durationMillis, double bytes, double stateBytes) {}

  /**
   * Commits of one kind.
   *
   * @param commits how many there were
   * @param written bytes that the keeper wrote, all commits together
   * @param stateBytes on the heap
   * @param checkpoints those that were seen; empty where the engine takes none
   */
  record Phase(
      int keys,
      int active,
      int commits,
      double written,
      double stateBytes,
      List<Checkpoint> checkpoints) {}

  CheckpointBenchmark(PrintWriter out, boolean quick, List<BenchSubject> stores) {
    this.out = out;
    this.stores = stores;
    this.keyCounts = quick ? new int[] {100} : new int[] {1, 100, 10_000};
    this.commits = quick ? 2 : 8;
  }

  List<BenchmarkResult> run() throws IOException, InterruptedException {
    List<BenchmarkResult> results = new ArrayList<>();
    Map<String, EngineProcess> engines = new LinkedHashMap<>();
    try (BenchBroker broker = BenchBroker.start()) {
      try {
        for (BenchSubject store : stores) {
          EngineProcess engine = engines.computeIfAbsent(store.engine(), broker::startEngine);
          for (int keys : keyCounts) {
            for (Phase phase : run(broker, engine, store, keys)) {
              print(store, phase);
              results.addAll(results(store, phase));
            }
          }
        }
      } finally {
        engines.values().forEach(EngineProcess::close);
      }
    }
    return results;
  }

  private List<Phase> run(BenchBroker broker, EngineProcess engine, BenchSubject store, int keys)
      throws InterruptedException {
    String name = (store.store() + ' ' + keys).replace(' ', '-');
    String deployment = deployment(broker, store, name);
    broker.createTopics(deployment);
    try (SinusoidReadings readings =
        new SinusoidReadings(broker.servers(), input(name), System.currentTimeMillis())) {
      SensorFeed feed = new SensorFeed(broker, name + "-sensors", input(name), readings);
      engine.ask(EngineRequest.run(deployment));
      try {
        for (int step = 0; step < LOAD_WINDOWS * WINDOW; step++) {
          feed.lap(keys);
        }
        feed.awaitCommit();
        List<Phase> phases = new ArrayList<>();
        if (keys > 1) {
          phases.add(phase(engine, feed, keys, keys));
        }
        phases.add(phase(engine, feed, keys, Math.max(1, keys / ACTIVE_SHARE)));
        return phases;
      } finally {
        engine.ask(EngineRequest.stop());
        broker.clear(name);
      }
    }
  }

  private Phase phase(EngineProcess engine, SensorFeed feed, int keys, int active)
      throws InterruptedException {
    EngineAnswer before = settled(engine);
    Map<Long, Checkpoint> checkpoints = new TreeMap<>();
    // the next one began before the phase
    long first = (long) before.meter(PipelineMeters.CHECKPOINTS) + 2;
    int commitsBefore = feed.commits();
    long lapNanos = TimeUnit.MILLISECONDS.toNanos(INTERVAL_MILLIS / LAPS_PER_INTERVAL);
    long next = System.nanoTime();
    while (feed.commits() < commitsBefore + commits) {
      if (System.nanoTime() >= next) {
        feed.lap(active);
        next += lapNanos;
      }
      feed.look();
      look(engine, first, checkpoints);
      LockSupport.parkNanos(50_000_000L);
    }
    feed.awaitCommit();
    int seen = feed.commits() - commitsBefore;
    EngineAnswer after = settled(engine);
    return new Phase(
        keys,
        active,
        seen,
        after.meter(PipelineMeters.STATE_WRITTEN) - before.meter(PipelineMeters.STATE_WRITTEN),
        after.meter(PipelineMeters.STATE_BYTES),
        List.copyOf(checkpoints.values()));
  }

  private static void look(EngineProcess engine, long first, Map<Long, Checkpoint> checkpoints) {
    EngineAnswer figures = engine.ask(EngineRequest.figures());
    long number = (long) figures.meter(PipelineMeters.CHECKPOINTS);
    if (number >= first) {
      checkpoints.put(
          number,
          new Checkpoint(
              figures.meter(PipelineMeters.CHECKPOINT_DURATION),
              figures.meter(PipelineMeters.CHECKPOINT_BYTES),
              figures.meter(PipelineMeters.CHECKPOINT_STATE_BYTES)));
    }
  }

  /** Figures that hold all that was committed before: those that have come to rest. */
  private static EngineAnswer settled(EngineProcess engine) {
    EngineAnswer figures = engine.ask(EngineRequest.figures());
    long since = System.nanoTime();
    while (System.nanoTime() - since < METERS_NANOS) {
      LockSupport.parkNanos(100_000_000L);
      EngineAnswer next = engine.ask(EngineRequest.figures());
      if (next.meter(PipelineMeters.STATE_WRITTEN) != figures.meter(PipelineMeters.STATE_WRITTEN)) {
        since = System.nanoTime();
      }
      figures = next;
    }
    return figures;
  }

  /** One row for what the keeper wrote, two more where there are checkpoints. */
  static List<BenchmarkResult> results(BenchSubject store, Phase phase) {
    String shape = String.format(Locale.ROOT, "%,d keys, %,d active", phase.keys(), phase.active());
    List<BenchmarkResult> results = new ArrayList<>();
    results.add(
        row(
            store.store() + " written",
            shape,
            phase.written() / phase.commits(),
            "bytes/commit",
            "state on the heap",
            phase.stateBytes()));
    List<Checkpoint> checkpoints = phase.checkpoints();
    if (!checkpoints.isEmpty()) {
      results.add(
          row(
              store.store() + " uploaded",
              shape,
              checkpoints.stream().mapToDouble(Checkpoint::bytes).average().orElseThrow(),
              "bytes/checkpoint",
              "state in the checkpoint",
              checkpoints.get(checkpoints.size() - 1).stateBytes()));
      results.add(
          row(
              store.store() + " duration",
              shape,
              PipelineBenchmark.median(
                  checkpoints.stream().mapToDouble(Checkpoint::durationMillis).toArray()),
              "ms",
              "checkpoint interval",
              INTERVAL_MILLIS));
    }
    return results;
  }

  private static BenchmarkResult row(
      String benchmark,
      String shape,
      double value,
      String unit,
      String against,
      double againstValue) {
    return new BenchmarkResult(
        benchmark, shape, value, unit, 0, against, againstValue, value / againstValue);
  }

  private void print(BenchSubject store, Phase phase) {
    out.printf(
        Locale.ROOT,
        "%-14s %,6d keys, %,6d active: %d commits, %,.0f bytes written each, %d checkpoints"
            + " seen%s%n",
        store.store(),
        phase.keys(),
        phase.active(),
        phase.commits(),
        phase.written() / phase.commits(),
        phase.checkpoints().size(),
        phase.checkpoints().stream()
            .map(c -> String.format(Locale.ROOT, " %.0f ms/%,.0f", c.durationMillis(), c.bytes()))
            .collect(Collectors.joining(";")));
    out.flush();
  }

  private static String input(String name) {
    return name + ".readings";
  }

  private static String deployment(BenchBroker broker, BenchSubject store, String name) {
    return """
    name: %s
    state-directory: %s
    kafka: {bootstrap.servers: "%s"}
    topics: {partitions: 1}
    engine: {commit-interval-millis: %d, guarantee: %s, heap-budget-megabytes: 2048}
    dashboard: {enabled: false}
    %s
    pipelines:
      - name: sensors
        input: %s
        window: {length: %d}
        atoms: %d
        rounds: {first-windows: 2, batch-windows: 2}
        detection: {history-windows: 64}
    """
        .formatted(
            name,
            broker.directory(name),
            broker.servers(),
            INTERVAL_MILLIS,
            store.guarantee(),
            store.engineProperties(),
            input(name),
            WINDOW,
            ATOMS);
  }
}
