package io.millrace.app.bench;

import io.millrace.app.federated.FederatedCommand;
import io.millrace.app.federated.FederatedTopics;
import io.millrace.client.ClientTopics;
import io.millrace.client.OutgoingRecord;
import io.millrace.runtime.Deployment;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine;

/**
 * A round of federated learning, both operators and the topics between them, against a copy of the
 * same updates on the same engine: the same broker, guarantee, commit interval, client settings,
 * thread and machine, in turns. Clients hold their tasks and their updates are made before the
 * clock starts; it starts with the first record sent and stops when the new version's commit can be
 * read, or so many records of the copy. A version passes some eight commits on its way, a copy one:
 * of long rounds, little is waiting.
 */
final class FederatedPipelineBenchmark {
  private static final long MINUTES = 2;

  private final PrintWriter out;
  private final List<BenchSubject> subjects;
  private final Plan plan;

  /**
   * How much is measured.
   *
   * @param round its sizes
   * @param rounds that count; one more is not counted
   * @param commitMillis commit or checkpoint interval
   */
  record Plan(FederatedLoad.Shape round, int rounds, int commitMillis) {
    static final Plan FULL = new Plan(new FederatedLoad.Shape(32, 32, 1 << 15), 3, 200);
    static final Plan QUICK = new Plan(new FederatedLoad.Shape(4, 4, 1 << 12), 1, 100);

    Plan withRounds(int rounds) {
      return new Plan(round, rounds, commitMillis);
    }
  }

  FederatedPipelineBenchmark(PrintWriter out, Plan plan, List<BenchSubject> subjects) {
    this.out = out;
    this.plan = plan;
    this.subjects = subjects;
  }

  List<BenchmarkResult> run() throws IOException, InterruptedException {
    Map<String, EngineProcess> engines = new LinkedHashMap<>();
    try (BenchBroker broker = BenchBroker.start()) {
      try {
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
      throws IOException, InterruptedException {
    Map<BenchSubject, List<PipelineBenchmark.Run>> runs = new HashMap<>();
    Set<BenchSubject> all = new LinkedHashSet<>();
    for (BenchSubject subject : subjects) {
      all.add(subject.identity());
      all.add(subject);
    }
    List<BenchSubject> order = new ArrayList<>(all);
    for (int round = 0; round <= plan.rounds(); round++) {
      for (BenchSubject subject : order) {
        EngineProcess engine = engines.get(subject.engine());
        String name = "round" + round + '-' + subject.name().replace(' ', '-');
        PipelineBenchmark.Run run =
            subject.isIdentity()
                ? copy(broker, engine, subject, name)
                : version(broker, engine, subject, name);
        broker.clear(name);
        // the first round is for the compilers
        if (round > 0) {
          runs.computeIfAbsent(subject, any -> new ArrayList<>()).add(run);
          out.printf(
              Locale.ROOT,
              "round %d, %-32s %,9.0f chunks/s, %5.2f CPU s%n",
              round,
              subject.name(),
              run.wholeRate(),
              run.cpuSeconds());
          out.flush();
        }
      }
      Collections.reverse(order);
    }
    List<BenchmarkResult> results = new ArrayList<>();
    for (BenchSubject subject : subjects) {
      results.addAll(results(subject, runs.get(subject), runs.get(subject.identity())));
    }
    return results;
  }

  private List<BenchmarkResult> results(
      BenchSubject subject, List<PipelineBenchmark.Run> own, List<PipelineBenchmark.Run> copy) {
    String against = subject.identity().name();
    return List.of(
        PipelineBenchmark.result(
            subject,
            "to a version",
            "chunks/s",
            own,
            against,
            copy,
            PipelineBenchmark.Run::wholeRate),
        PipelineBenchmark.result(
            subject,
            "CPU of the engine",
            "us/chunk",
            own,
            against,
            copy,
            run -> run.cpuSeconds() * 1e6 / plan.round().records()));
  }

  private PipelineBenchmark.Run version(
      BenchBroker broker, EngineProcess engine, BenchSubject subject, String name)
      throws IOException {
    String deployment = deployment(broker, subject, name);
    broker.createTopics(deployment);
    engine.ask(EngineRequest.run(deployment));
    try (FederatedLoad load =
        new FederatedLoad(broker.servers(), topics(deployment), plan.round())) {
      publish(broker.directory(name), deployment);
      List<OutgoingRecord> updates = load.updates();
      double cpuBefore = engine.ask(EngineRequest.figures()).cpuSeconds();
      long start = System.nanoTime();
      load.send(updates);
      load.awaitVersion();
      return run(engine, start, cpuBefore);
    } finally {
      engine.ask(EngineRequest.stop());
    }
  }

  /** The same sizes of chunks, in a topic of their own. */
  private PipelineBenchmark.Run copy(
      BenchBroker broker, EngineProcess engine, BenchSubject subject, String name)
      throws InterruptedException {
    String deployment = deployment(broker, subject, name);
    ClientTopics from = topics(deployment);
    String to = name + "-copy";
    broker.createTopics(deployment, to);
    engine.ask(EngineRequest.copy(deployment, from.updates(), to));
    try (FederatedLoad load = new FederatedLoad(broker.servers(), from, plan.round())) {
      List<OutgoingRecord> records = records();
      // something first, so that it runs for certain
      load.send(records.subList(0, 1));
      awaitCopies(broker, to, 1);
      double cpuBefore = engine.ask(EngineRequest.figures()).cpuSeconds();
      long before = broker.readable(to);
      long start = System.nanoTime();
      load.send(records);
      awaitCopies(broker, to, before + records.size());
      return run(engine, start, cpuBefore);
    } finally {
      engine.ask(EngineRequest.stop());
    }
  }

  private PipelineBenchmark.Run run(EngineProcess engine, long start, double cpuBefore) {
    double rate = plan.round().records() / ((System.nanoTime() - start) / 1e9);
    double cpu = engine.ask(EngineRequest.figures()).cpuSeconds() - cpuBefore;
    return new PipelineBenchmark.Run(rate, rate, cpu);
  }

  private static void awaitCopies(BenchBroker broker, String topic, long offset)
      throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    while (broker.readable(topic) < offset) {
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(topic + " was not filled in " + MINUTES + " minutes");
      }
      LockSupport.parkNanos(5_000_000L);
    }
  }

  private static ClientTopics topics(String deployment) {
    return FederatedTopics.of(Deployment.parse("bench", deployment, Map.of()).pipelines().get(0));
  }

  private List<OutgoingRecord> records() {
    byte[] bytes = new byte[plan.round().chunkLength() * Float.BYTES];
    new Random(5).nextBytes(bytes);
    List<OutgoingRecord> records = new ArrayList<>();
    for (int i = 0; i < plan.round().records(); i++) {
      int chunk = i % plan.round().chunks();
      records.add(
          new OutgoingRecord(
              OutgoingRecord.Channel.UPDATES, FederatedLoad.MODEL + '/' + chunk, chunk, bytes));
    }
    return records;
  }

  /** What the owner of a model does, with the same command. */
  private void publish(Path directory, String deployment) throws IOException {
    Path file = Files.writeString(directory.resolve("bench.yaml"), deployment);
    Path definition =
        Files.writeString(
            directory.resolve("model.json"),
            "{\"chunk-length\": %d, \"layers\": [{\"name\": \"w\", \"shape\": [%d]}]}"
                .formatted(plan.round().chunkLength(), plan.round().length()));
    Path values =
        Files.write(directory.resolve("model.f32"), new byte[plan.round().length() * Float.BYTES]);
    CommandLine line =
        new CommandLine(new FederatedCommand()).setOut(new PrintWriter(PrintWriter.nullWriter()));
    String[] command = {
      "publish",
      "-c",
      file.toString(),
      "--model",
      FederatedLoad.MODEL,
      "--definition",
      definition.toString(),
      "--values",
      values.toString()
    };
    if (line.execute(command) != 0) {
      throw new IllegalStateException(
          "millrace federated " + String.join(" ", command) + " has failed");
    }
  }

  private String deployment(BenchBroker broker, BenchSubject subject, String name) {
    Path directory = broker.directory(name);
    try {
      Files.createDirectories(directory);
      byte[] key = new byte[32];
      Arrays.fill(key, (byte) 7);
      Files.write(directory.resolve("master.key"), key);
    } catch (IOException e) {
      throw new UncheckedIOException(directory + " cannot be written", e);
    }
    return """
    name: %s
    state-directory: %s/state
    kafka: {bootstrap.servers: "%s"}
    topics: {partitions: 1}
    engine: {commit-interval-millis: %d, guarantee: %s}
    dashboard: {enabled: false}
    %s
    pipelines:
      - name: %s
        operator: federated
        master-key-file: %s/master.key
        rounds: {target: %d, minimum: %d}
        admission: {signed: false}
        exchange: {codecs: [plain]}
        ticks: {interval-millis: 0}
    """
        .formatted(
            name,
            directory,
            broker.servers(),
            plan.commitMillis(),
            subject.guarantee(),
            subject.engineProperties(),
            name,
            directory,
            plan.round().clients(),
            plan.round().clients());
  }
}
