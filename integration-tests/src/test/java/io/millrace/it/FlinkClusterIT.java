package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.WsnDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Pipelines in a Flink cluster of processes, some of which are killed. */
final class FlinkClusterIT {
  private static final Path DIRECTORY = Path.of("target", "it", "flink-cluster");
  private static final Duration STOP = Duration.ofSeconds(180);
  private static final int PARTITIONS = 4;
  private static final int TASK_MANAGER_KILLS = 10;

  /** The JobManager's turn: when the job has had a history of failures, and has more before it. */
  private static final int JOB_MANAGER_KILL = 6;

  /** Offsets that the end of the dead tasks' transactions takes, at most. */
  private static final int MARKERS = 4 * PARTITIONS;

  private static BrokerProcess broker;
  private static Cluster cluster;
  private static FlinkCluster flink;

  @BeforeAll
  static void startClusters() throws IOException {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
    flink = FlinkCluster.start(DIRECTORY.resolve("flink"), 2);
  }

  @AfterAll
  static void stopClusters() {
    if (flink != null) {
      flink.close();
    }
    if (broker != null) {
      broker.close();
    }
  }

  @Test
  void killsARescaleAndASavepointLeaveTheOutputOfAnUninterruptedRun() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    Random random = new Random(seed);
    String context = "seed " + seed + " (-Dmillrace.seed repeats its kills)";
    cluster.createTopic("readings", PARTITIONS, Map.of());
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    int parts = TASK_MANAGER_KILLS + 3;
    // Three of four slots: both task managers work, and neither can do without the other.
    Deployment killed = deployment("killed", "readings", 3);
    killed.createTopics();
    try (JavaProcess app = killed.startFlink(0, "--cluster", flink.address().toString())) {
      app.awaitLine("Running", STOP);
      int midTransaction = 0;
      for (int kill = 0; kill <= TASK_MANAGER_KILLS; kill++) {
        midTransaction += kill(killed, app, readings.part(kill, parts), kill, random) ? 1 : 0;
      }
      System.out.println(midTransaction + " kills met an open transaction");
      // Every kill met tasks at work; how many met records on their way is a matter of luck.
      assertTrue(midTransaction >= 2, context + ": " + midTransaction + " met an open transaction");
      stopInMidStream(killed, app, readings.part(TASK_MANAGER_KILLS + 1, parts));
    }
    readings.part(TASK_MANAGER_KILLS + 2, parts).send("readings", cluster);
    Deployment rescaled = killed.withThreads(2);
    try (JavaProcess app = rescaled.startFlink(0, "--cluster", flink.address().toString())) {
      rescaled.awaitCaughtUp(app);
      stop(rescaled);
    }
    assertEquals(0, cluster.openTransactions(), context + ": transactions that nobody ends");
    // What a restart leaves behind would keep the job's class loader, until there is no room.
    Await.until(
        "threads of Kafka clients end with their job",
        STOP,
        () -> flink.taskManagerThreads("kafka-") == 0);

    Outputs expected = uninterrupted("readings");
    expected.assertWorthComparing(context);
    Outputs.of(killed).assertSameAs(expected, context);
    ReadingCoverage.assertEveryReadingAccountedFor(
        killed, readings, TestedPipeline.WINDOW, context);
  }

  @Test
  void runsOfOneNameShareAJobAndEndWithItsFailure() throws Exception {
    cluster.createTopic("few-readings", PARTITIONS, Map.of());
    Deployment fragile =
        deployment("fragile", "few-readings", 1).withFlink("restart-strategy.type: disable");
    fragile.createTopics();
    String address = flink.address().toString();
    try (JavaProcess one = fragile.startFlink(0, "--cluster", address);
        JavaProcess other = fragile.startFlink(1, "--cluster", address)) {
      one.awaitLine("Running", STOP);
      other.awaitLine("Running", STOP);
      Await.until(
          "one job is left of two runs that started at once",
          STOP,
          () -> flink.jobs("fragile-fragile", "RUNNING").size() == 1);
      flink.awaitTaskManagers();
      flink.replaceBusyTaskManager();
      for (JavaProcess run : List.of(one, other)) {
        assertEquals(1, run.awaitExit(STOP), run::logTail);
        String last = run.logTail().substring(run.logTail().lastIndexOf('\n') + 1);
        assertTrue(last.startsWith("millrace: stopped: "), run::logTail);
        assertTrue(last.contains("fragile-fragile is FAILED: "), run::logTail);
        assertFalse(last.contains("no reason"), run::logTail);
      }
    }
  }

  /** Whether the kill met an open transaction. */
  private static boolean kill(
      Deployment deployment, JavaProcess app, ReadingList part, int kill, Random random)
      throws InterruptedException {
    flink.awaitTaskManagers();
    long sent;
    boolean open;
    try (ReadingReplayer feed = part.replayer("readings", 400, cluster)) {
      long before = deployment.committedReadings();
      feed.start();
      deployment.awaitProgress(app, before);
      LockSupport.parkNanos(random.nextInt(1000) * 1_000_000L);
      long killedAt = System.nanoTime();
      boolean master = kill == JOB_MANAGER_KILL;
      if (master) {
        flink.replaceJobManager();
      } else {
        flink.replaceBusyTaskManager();
      }
      open = cluster.openTransactions() > 0;
      long written = sum(cluster.ends(deployment.topic("codes")));
      Await.until(
          () -> "readers see codes again\n" + app.logTail(),
          STOP,
          () -> sum(cluster.committedEnds(deployment.topic("codes"))) > written + MARKERS);
      System.out.println(
          (master ? "JobManager" : "TaskManager")
              + " killed: readers see new records after "
              + (System.nanoTime() - killedAt) / 1_000_000
              + " ms");
      feed.stop();
      ReadingList.awaitEnd(feed);
      sent = feed.progress().sent();
    }
    part.from(sent).send("readings", cluster);
    return open;
  }

  private static long sum(Map<TopicPartition, Long> offsets) {
    return offsets.values().stream().mapToLong(Long::longValue).sum();
  }

  private static void stopInMidStream(Deployment deployment, JavaProcess app, ReadingList part)
      throws InterruptedException {
    long before = deployment.committedReadings();
    long sent;
    try (ReadingReplayer feed = part.replayer("readings", 1000, cluster)) {
      feed.start();
      deployment.awaitProgress(app, before);
      stop(deployment);
      assertEquals(0, app.awaitExit(STOP), () -> "a run whose job was stopped\n" + app.logTail());
      feed.stop();
      ReadingList.awaitEnd(feed);
      sent = feed.progress().sent();
    }
    part.from(sent).send("readings", cluster);
  }

  private static void stop(Deployment deployment) {
    try (JavaProcess stop =
        JavaProcess.startApp(
            deployment.name() + "-stop",
            deployment.directory(),
            List.of("-Xmx256m"),
            Map.of(),
            List.of(
                "stop",
                "-c",
                deployment.file(0).toString(),
                "--engine",
                "flink",
                "--cluster",
                flink.address().toString()))) {
      assertEquals(0, stop.awaitExit(STOP), stop::logTail);
    }
  }

  private static Outputs uninterrupted(String input) {
    Deployment steady = deployment("steady", input, 1);
    steady.createTopics();
    try (JavaProcess app = steady.startFlink(0)) {
      steady.awaitCaughtUp(app);
      app.stop(STOP);
    }
    return Outputs.of(steady);
  }

  private static Deployment deployment(String name, String input, int threads) {
    return new Deployment(
        name,
        input,
        TestedPipeline.SENSORS,
        PARTITIONS,
        threads,
        true,
        DIRECTORY.resolve(name).toAbsolutePath(),
        cluster);
  }
}
