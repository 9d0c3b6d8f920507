package io.millrace.app.bench;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.millrace.app.Engines;
import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicSpec;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The whole pipeline against an identity topology: the same readings, broker, guarantee
 * (exactly-once), client settings, thread and machine, in turns. The clock runs from the start of
 * the stream threads to the commit of the last reading; the start-up of an empty topology is
 * subtracted from neither.
 */
final class PipelineBenchmark {
  private static final int SENSORS = 16;
  private static final String INPUT = "bench.readings";
  private static final String COPY = "bench.copy";

  private final PrintWriter out;
  private final int readings;
  private final int rounds;

  /** Wall and CPU seconds of one run. */
  private record Run(double recordsPerSecond, double cpuSeconds) {}

  /** A thing to measure: started by {@link #start}, stopped by {@link AutoCloseable#close}. */
  private interface Subject {
    Runnable start(String group) throws InterruptedException;
  }

  PipelineBenchmark(PrintWriter out, boolean quick) {
    this.out = out;
    this.readings = quick ? 200_000 : 4_000_000;
    this.rounds = quick ? 1 : 5;
  }

  List<BenchmarkResult> run() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("millrace-bench");
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"))) {
      Deployment deployment = deployment(broker.bootstrapServers(), directory, "bench");
      try (Admin admin = ClusterConnection.open(deployment.kafka())) {
        TopicCreation topics = new TopicCreation(admin);
        List<TopicSpec> wanted = new ArrayList<>(DeploymentTopics.of(deployment));
        wanted.add(new TopicSpec(COPY, 1, 1, Map.of()));
        topics.apply(topics.plan(wanted));
        out.printf(Locale.ROOT, "writing %,d readings of %d sensors ...%n", readings, SENSORS);
        out.flush();
        fill(broker.bootstrapServers());
        return measure(admin, broker.bootstrapServers(), directory);
      }
    } finally {
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private List<BenchmarkResult> measure(Admin admin, String servers, Path directory)
      throws InterruptedException {
    Engine engine = Engines.load(Engines.DEFAULT);
    Subject identity =
        group -> start(engine.openCopy(deployment(servers, directory, group), INPUT, COPY));
    Subject pipeline =
        group ->
            start(
                engine.open(
                    deployment(servers, directory, group),
                    LaunchSettings.LOCAL,
                    new SimpleMeterRegistry()));
    // one round first that is not counted: both sides meet compiled code afterwards
    List<Run> ours = new ArrayList<>();
    List<Run> theirs = new ArrayList<>();
    for (int round = 0; round <= rounds; round++) {
      Run copy = run(admin, "identity" + round, "identity" + round + "-copy", identity);
      Run learn = run(admin, "learn" + round, "learn" + round + "-sensors", pipeline);
      out.printf(
          Locale.ROOT,
          "round %d%s: identity %,.0f/s, pipeline %,.0f/s, ratio %.2f%n",
          round,
          round == 0 ? " (warm-up)" : "",
          copy.recordsPerSecond(),
          learn.recordsPerSecond(),
          learn.recordsPerSecond() / copy.recordsPerSecond());
      out.flush();
      if (round > 0) {
        theirs.add(copy);
        ours.add(learn);
      }
    }
    double[] ratios = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      ratios[round] = ours.get(round).recordsPerSecond() / theirs.get(round).recordsPerSecond();
    }
    return List.of(
        new BenchmarkResult(
            "pipeline",
            "window 64, 128 atoms",
            median(ours.stream().mapToDouble(Run::recordsPerSecond).toArray()),
            "readings/s",
            median(ours.stream().mapToDouble(Run::cpuSeconds).toArray()),
            "identity, exactly-once",
            median(theirs.stream().mapToDouble(Run::recordsPerSecond).toArray()),
            median(ratios)));
  }

  private Run run(Admin admin, String name, String group, Subject subject)
      throws InterruptedException {
    long cpu = cpuNanos();
    long start = System.nanoTime();
    Runnable stop = subject.start(name);
    try {
      TopicPartition partition = new TopicPartition(INPUT, 0);
      while (committed(admin, group, partition) < readings) {
        if (System.nanoTime() - start > TimeUnit.MINUTES.toNanos(2)) {
          throw new IllegalStateException(name + " did not finish in 2 minutes");
        }
        LockSupport.parkNanos(20_000_000L);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Run(readings / seconds, (cpuNanos() - cpu) / 1e9);
    } finally {
      stop.run();
    }
  }

  /** Offset that a group has committed; 0 before it has. */
  private static long committed(Admin admin, String group, TopicPartition partition)
      throws InterruptedException {
    try {
      var offset =
          admin
              .listConsumerGroupOffsets(group)
              .partitionsToOffsetAndMetadata()
              .get()
              .get(partition);
      return offset == null ? 0 : offset.offset();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof GroupIdNotFoundException
          || e.getCause() instanceof RetriableException) {
        return 0;
      }
      throw new IllegalStateException("offsets of " + group + ": " + e.getCause().getMessage(), e);
    }
  }

  /** Sums of a few sinusoids with noise: what a coder has to work for. */
  private void fill(String servers) {
    SingleObject<SensorReading> framing = SingleObject.of(SensorReading.class);
    // older timestamps would fall to the topic's retention while they are read
    long firstMillis = System.currentTimeMillis() - readings / SENSORS;
    Random random = new Random(11);
    SensorReading reading = new SensorReading();
    reading.setMissing(List.of());
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", servers, "linger.ms", 50, "batch.size", 262_144),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (int i = 0; i < readings; i++) {
        int sensor = i % SENSORS;
        int step = i / SENSORS;
        double value =
            StrictMath.sin(step * 0.05 * (1 + sensor % 4))
                + 0.5 * StrictMath.sin(step * 0.21 + sensor)
                + 0.1 * random.nextGaussian();
        reading.setTimeMicros((firstMillis + step) * 1000L);
        reading.setValues(List.of((float) value));
        producer.send(
            new ProducerRecord<>(
                INPUT,
                0,
                firstMillis + step,
                ("sensor-" + sensor).getBytes(StandardCharsets.UTF_8),
                framing.encode(reading)));
      }
    }
  }

  private static Deployment deployment(String servers, Path directory, String name) {
    String yaml =
        """
        name: %s
        state-directory: %s
        kafka: {bootstrap.servers: "%s"}
        topics: {partitions: 1}
        engine: {commit-interval-millis: 1000}
        dashboard: {enabled: false}
        pipelines:
          - name: sensors
            input: %s
            window: {length: 64}
            atoms: 128
            coder: {maximum-atoms: 5, relative-error: 0}
        """
            .formatted(name, directory.resolve(name), servers, INPUT);
    return Deployment.parse("bench.yaml", yaml, Map.of());
  }

  private static Runnable start(EngineRun run) throws InterruptedException {
    run.start();
    return run::close;
  }

  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
