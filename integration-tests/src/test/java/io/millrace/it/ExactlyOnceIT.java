package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.WsnDataset;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What was committed after kills, broker restarts and rebalances equals an uninterrupted run byte
 * for byte.
 */
final class ExactlyOnceIT {
  private static final Path DIRECTORY = Path.of("target", "it", "exactly-once");
  private static final Duration PROGRESS = Duration.ofSeconds(120);
  private static final Duration STOP = Duration.ofSeconds(90);
  private static final Duration CATCH_UP = Duration.ofSeconds(180);
  private static final int PARTITIONS = 4;
  private static final int WINDOW = 16;
  private static final int KILLS = 20;

  /** The uninterrupted run: one thread and the scalar kernels, where the others have SIMD. */
  private static final String STEADY = "steady";

  private static final List<String> PIPELINE =
      List.of(
          "channels: 2",
          "window:",
          "  length: " + WINDOW,
          // Motes fall silent at the end of a pass, so timers fire as well.
          "  idle-flush-millis: 60000",
          "atoms: 48",
          "error-bound: 0.05",
          "rounds:",
          "  first-windows: 32");

  private BrokerProcess broker;
  private Cluster cluster;

  @BeforeEach
  void startBroker() throws IOException {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
    cluster.createTopic("readings", PARTITIONS, Map.of());
  }

  @AfterEach
  void stopBroker() {
    broker.close();
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
          awaitProgress(killed, app, before);
        }
        LockSupport.parkNanos(random.nextInt(starting ? 4000 : 1500) * 1_000_000L);
        app.kill();
        midTransaction += cluster.openTransactions() > 0 ? 1 : 0;
        feed.stop();
        awaitEnd(feed);
        sent = feed.progress().sent();
      }
      try (ReadingReplayer rest = feed(part.from(sent), 0)) {
        rest.start();
        awaitEnd(rest);
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
    assertWorthComparing(expected, context);
    Outputs.of(killed).assertSameAs(expected, context);
    assertEveryReadingAccountedFor(killed, readings, context);
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
      awaitProgress(shaken, app, 0);
      broker.kill();
      broker.restart();
      awaitEnd(before);
      after.start();
      awaitEnd(after);
      awaitCaughtUp(shaken, app);
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
      feedWhile(readings.part(0, 3), () -> awaitProgress(shared, first, 0));
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
      awaitCaughtUp(shared, first);
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
    assertWorthComparing(expected, context);
    Outputs.of(disturbed).assertSameAs(expected, context);
    assertEveryReadingAccountedFor(disturbed, readings, context);
  }

  private Deployment deployment(String name, int threads) {
    return new Deployment(
        name,
        "readings",
        PIPELINE,
        PARTITIONS,
        threads,
        !name.equals(STEADY),
        DIRECTORY.resolve(name).toAbsolutePath(),
        cluster);
  }

  private ReadingReplayer feed(ReadingList readings, double perSecond) {
    return new ReadingReplayer(
        readings, new ReplaySettings("readings", perSecond, 0, 1, 0), cluster.client());
  }

  /** Sends readings at a pace while something happens, and the rest of them after it. */
  private void feedWhile(ReadingList readings, Runnable event) throws InterruptedException {
    try (ReadingReplayer feed = feed(readings, 2500)) {
      feed.start();
      event.run();
      awaitEnd(feed);
    }
  }

  private static void finish(Deployment deployment) {
    try (JavaProcess app = deployment.start(0)) {
      awaitCaughtUp(deployment, app);
      app.stop(STOP);
    }
  }

  private static void awaitProgress(Deployment deployment, JavaProcess app, long before) {
    Await.until(
        () -> deployment.name() + " commits past " + before + "; its log ends\n" + app.logTail(),
        PROGRESS,
        () -> {
          assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
          return deployment.committedReadings() > before;
        });
  }

  private static void awaitCaughtUp(Deployment deployment, JavaProcess app) {
    Await.until(
        () -> deployment.name() + " catches up, lag " + deployment.lag() + "\n" + app.logTail(),
        CATCH_UP,
        () -> {
          assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
          return deployment.lag() == 0;
        });
  }

  private static void awaitEnd(ReadingReplayer feed) throws InterruptedException {
    assertTrue(feed.await(120, TimeUnit.SECONDS), "feed ends");
    assertEquals("", feed.progress().failure());
    assertEquals(feed.progress().sent(), feed.progress().acknowledged());
  }

  /** Equality of nothing would prove nothing. */
  private static void assertWorthComparing(Outputs outputs, String context) {
    assertTrue(outputs.count("codes") > 1000, context + ": codes " + outputs.count("codes"));
    assertTrue(
        outputs.count("dictionaries") > 16,
        context + ": versions " + outputs.count("dictionaries"));
    assertTrue(outputs.count("anomalies") > 0, context + ": no anomalies");
  }

  /**
   * Each sensor's windows follow each other, and no reading lies between them: none was left out.
   * At the end less than a window waits for more. That none came twice is the comparison's part.
   */
  private void assertEveryReadingAccountedFor(
      Deployment deployment, ReadingList readings, String context) {
    SingleObject<SparseCode> format = SingleObject.of(SparseCode.class);
    Map<String, List<SparseCode>> windows = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("codes"))) {
      windows
          .computeIfAbsent(
              new String(record.key(), StandardCharsets.UTF_8), sensor -> new ArrayList<>())
          .add(format.decode(record.value()));
    }
    Map<String, List<Long>> sent = readings.microsBySensor();
    assertEquals(sent.keySet(), windows.keySet(), context);
    sent.forEach(
        (sensor, micros) -> assertCovered(micros, windows.get(sensor), context + ": " + sensor));
    assertEquals(
        List.of(), cluster.committed(deployment.deadLetters()), context + ": dead letters");
  }

  private static void assertCovered(List<Long> micros, List<SparseCode> windows, String context) {
    long coveredTo = Long.MIN_VALUE;
    int next = 0;
    for (SparseCode window : windows) {
      long end = window.getStartMicros() + window.getSpanMicros();
      assertTrue(end > coveredTo, context + ": a window at " + end + " adds nothing");
      assertTrue(
          window.getStartMicros() <= micros.get(next),
          context + ": reading " + next + " is in no window");
      while (next < micros.size() && micros.get(next) <= end) {
        next++;
      }
      coveredTo = end;
    }
    assertTrue(micros.size() - next < WINDOW, context + ": readings from " + next + " are missing");
  }
}
