package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.WsnDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A Flink of its own in the app's process: killed, stopped and started again. */
final class FlinkRestartIT {
  private static final Path DIRECTORY = Path.of("target", "it", "flink-restart");
  private static final Duration DEADLINE = Duration.ofSeconds(180);
  private static final int PARTITIONS = 4;
  private static final int RUNS = 10;

  /** Ten runs that clear nothing away leave ten times as many: a checkpoint has six or more. */
  private static final long STATE_FILES = 60;

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  @BeforeEach
  void createTopics() {
    cluster = broker.cluster();
    cluster.createTopic("readings", PARTITIONS, Map.of());
  }

  /** Each run has another parallelism than the one before; every third ends with a savepoint. */
  @Test
  void killsAndStopsLeaveTheOutputOfAnUninterruptedRun() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    Random random = new Random(seed);
    String context = "seed " + seed + " (-Dmillrace.seed repeats its kills)";
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment ended = deployment("ended", 1);
    ended.createTopics();
    int midTransaction = 0;
    for (int run = 0; run < RUNS; run++) {
      boolean stop = run % 3 == 2;
      // Some kills meet a run that is still starting or restoring.
      boolean starting = run % 4 == 3 && !stop;
      ReadingList part = readings.part(run, RUNS);
      Deployment now = ended.withThreads(1 + run % 3);
      long sent;
      try (ReadingReplayer feed = part.replayer("readings", 400, cluster);
          JavaProcess app = now.startFlink(0)) {
        if (starting) {
          feed.start();
        } else {
          // Readings that flow from here on outlast the kill on any machine: it meets work in hand.
          app.awaitLine("Running", DEADLINE);
          long before = now.committedReadings();
          feed.start();
          now.awaitProgress(app, before);
        }
        LockSupport.parkNanos(random.nextInt(starting ? 5000 : 1000) * 1_000_000L);
        if (stop) {
          app.stop(DEADLINE);
        } else {
          if (!starting) {
            // Between two checkpoints there is often none: that kill would be an easy one.
            Await.until(
                () -> "a transaction is open\n" + app.logTail(),
                DEADLINE,
                () -> cluster.openTransactions() > 0);
          }
          app.kill();
          midTransaction += cluster.openTransactions() > 0 ? 1 : 0;
        }
        feed.stop();
        ReadingList.awaitEnd(feed);
        sent = feed.progress().sent();
      }
      part.from(sent).send("readings", cluster);
    }
    System.out.println(midTransaction + " kills met an open transaction");
    assertTrue(midTransaction >= 1, context + ": no kill met an open transaction");
    finish(ended);
    assertEquals(0, cluster.openTransactions(), context + ": transactions that nobody ends");
    assertTrue(files(ended.checkpoints()) < STATE_FILES, context + ": kept " + ended.checkpoints());

    Deployment steady = deployment("steady", 1);
    steady.createTopics();
    finish(steady);
    Outputs expected = Outputs.of(steady);
    expected.assertWorthComparing(context);
    Outputs.of(ended).assertSameAs(expected, context);
    ReadingCoverage.assertEveryReadingAccountedFor(ended, readings, TestedPipeline.WINDOW, context);
  }

  @Test
  void whatADeadRunLeftOpenHoldsReadersUpOnlyUntilTheNextRunStarts() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment deployment = deployment("held", 2);
    deployment.createTopics();
    try (ReadingReplayer feed = readings.replayer("readings", 400, cluster)) {
      feed.start();
      Map<TopicPartition, Long> ends;
      try (JavaProcess app = deployment.startFlink(0)) {
        deployment.awaitProgress(app, 0);
        assertEquals(List.of(), ListeningSockets.beyondLoopback(app.pid()));
        app.kill();
        ends = cluster.ends(deployment.topic("codes"));
      }
      long startedAt = System.nanoTime();
      try (JavaProcess app = deployment.startFlink(0)) {
        // Far below the time after which the broker ends transactions itself: 15 minutes.
        Await.until(
            () -> "readers pass what the dead run left\n" + app.logTail(),
            DEADLINE,
            () -> {
              Map<TopicPartition, Long> readable = cluster.committedEnds(deployment.topic("codes"));
              return ends.entrySet().stream()
                  .allMatch(end -> readable.get(end.getKey()) >= end.getValue());
            });
        System.out.println(
            "readers go on " + (System.nanoTime() - startedAt) / 1_000_000 + " ms after the start");
        app.stop(DEADLINE);
      }
      feed.stop();
      ReadingList.awaitEnd(feed);
    }
  }

  private static long files(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(Files::isRegularFile).count();
    }
  }

  private static void finish(Deployment deployment) {
    try (JavaProcess app = deployment.startFlink(0)) {
      deployment.awaitCaughtUp(app);
      app.stop(DEADLINE);
    }
  }

  private Deployment deployment(String name, int threads) {
    return new Deployment(
        name,
        "readings",
        TestedPipeline.SENSORS,
        PARTITIONS,
        threads,
        true,
        DIRECTORY.resolve(name).toAbsolutePath(),
        cluster);
  }
}
