package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.WsnDataset;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What was committed after kills, broker restarts and rebalances equals an uninterrupted run byte
 * for byte.
 */
final class ExactlyOnceIT {
  private static final Path DIRECTORY = Path.of("target", "it", "exactly-once");
  private static final Duration PROGRESS = Duration.ofSeconds(120);
  private static final Duration STOP = Duration.ofSeconds(90);
  private static final int PARTITIONS = 4;
  private static final int KILLS = 20;

  /** The uninterrupted run: one thread and the scalar kernels, where the others have SIMD. */
  private static final String STEADY = "steady";

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  @BeforeEach
  void createTopics() {
    cluster = broker.cluster();
    cluster.createTopic("readings", PARTITIONS, Map.of());
  }

  @Test
  void twentyKillsLeaveTheOutputOfAnUninterruptedRun() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    Random random = new Random(seed);
    String context = "seed " + seed + " (-Dmillrace.seed repeats its kills)";
    ReadingList readings = ReadingList.of(new WsnDataset(), 2);
    Deployment killed = deployment("killed", 2);
    killed.createTopics();
    int midTransaction = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      ReadingList part = readings.part(kill, KILLS);
      long before = killed.committedReadings();
      long sent;
      // Slow enough to outlast start-up and kill on any machine: a kill meets work in hand.
      try (JavaProcess app = killed.start(0);
          ReadingReplayer feed = feed(part, 500)) {
        feed.start();
        // Every fifth kill meets a process that is still starting, restoring or rebalancing.
        boolean starting = kill % 5 == 4;
        if (!starting) {
          killed.awaitProgress(app, before);
        }
        LockSupport.parkNanos(random.nextInt(starting ? 4000 : 1500) * 1_000_000L);
        app.kill();
        midTransaction += cluster.openTransactions() > 0 ? 1 : 0;
        feed.stop();
        ReadingList.awaitEnd(feed);
        sent = feed.progress().sent();
      }
      try (ReadingReplayer rest = feed(part.from(sent), 0)) {
        rest.start();
        ReadingList.awaitEnd(rest);
      }
      if (kill == KILLS / 2) {
        Directories.delete(killed.stateDirectory(0));
      }
    }
    finish(killed);
    Deployment steady = deployment(STEADY, 1);
    steady.createTopics();
    finish(steady);

    System.out.println(midTransaction + " of " + KILLS + " kills met an open transaction");
    assertTrue(
        midTransaction >= KILLS / 10,
        context + ": only " + midTransaction + " kills met an open transaction");
    Outputs expected = Outputs.of(steady);
    expected.assertWorthComparing(context);
    Outputs.of(killed).assertSameAs(expected, context);
    ReadingCoverage.assertEveryReadingAccountedFor(
        killed, readings, TestedPipeline.WINDOW, context);
  }

  @Test
  void aBrokerKilledUnderLoadLosesAndDoublesNothing() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment shaken = deployment("shaken", 2);
    shaken.createTopics();
    try (JavaProcess app = shaken.start(0);
        ReadingReplayer before = feed(readings.part(0, 2), 2000);
        ReadingReplayer after = feed(readings.part(1, 2), 0)) {
      before.start();
      shaken.awaitProgress(app, 0);
      broker.process().kill();
      broker.process().restart();
      ReadingList.awaitEnd(before);
      after.start();
      ReadingList.awaitEnd(after);
      shaken.awaitCaughtUp(app);
      app.stop(STOP);
    }
    assertSameAsUninterrupted(shaken, readings, "broker killed once");
  }

  @Test
  void aSecondInstanceThatJoinsAndLeavesChangesNoResult() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment shared = deployment("shared", 1);
    shared.createTopics();
    try (JavaProcess first = shared.start(0)) {
      feedWhile(readings.part(0, 3), () -> shared.awaitProgress(first, 0));
      try (JavaProcess second = shared.start(1)) {
        feedWhile(
            readings.part(1, 3),
            () ->
                Await.until(
                    () -> "two instances work; the second's log ends\n" + second.logTail(),
                    PROGRESS,
                    () -> cluster.workingMembers(shared.group()) == 2));
        feedWhile(readings.part(2, 3), () -> second.stop(STOP));
      }
      Await.until(
          "one instance works", PROGRESS, () -> cluster.workingMembers(shared.group()) == 1);
      shared.awaitCaughtUp(first);
      first.stop(STOP);
    }
    assertSameAsUninterrupted(shared, readings, "second instance");
  }

  private void assertSameAsUninterrupted(
      Deployment disturbed, ReadingList readings, String context) {
    Deployment steady = deployment(STEADY, 1);
    steady.createTopics();
    finish(steady);
    Outputs expected = Outputs.of(steady);
    expected.assertWorthComparing(context);
    Outputs.of(disturbed).assertSameAs(expected, context);
    ReadingCoverage.assertEveryReadingAccountedFor(
        disturbed, readings, TestedPipeline.WINDOW, context);
  }

  private Deployment deployment(String name, int threads) {
    return new Deployment(
        name,
        "readings",
        TestedPipeline.SENSORS,
        PARTITIONS,
        threads,
        !name.equals(STEADY),
        DIRECTORY.resolve(name).toAbsolutePath(),
        cluster);
  }

  private ReadingReplayer feed(ReadingList readings, double perSecond) {
    return readings.replayer("readings", perSecond, cluster);
  }

  /** Sends readings at a pace while something happens, and the rest of them after it. */
  private void feedWhile(ReadingList readings, Runnable event) throws InterruptedException {
    try (ReadingReplayer feed = feed(readings, 2500)) {
      feed.start();
      event.run();
      ReadingList.awaitEnd(feed);
    }
  }

  private static void finish(Deployment deployment) {
    try (JavaProcess app = deployment.start(0)) {
      deployment.awaitCaughtUp(app);
      app.stop(STOP);
    }
  }
}
