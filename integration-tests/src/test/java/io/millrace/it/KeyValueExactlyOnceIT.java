package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Pages after kills equal those of an uninterrupted run, on either engine. */
final class KeyValueExactlyOnceIT {
  private static final Path DIRECTORY = Path.of("target", "it", "key-value");
  private static final Duration STOP = Duration.ofSeconds(180);
  private static final int PARTITIONS = 4;
  private static final int KILLS = 4;
  private static final String INPUT = "blocks";

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  /** Starts a process of a deployment. */
  private interface Start {
    JavaProcess of(Deployment deployment);
  }

  @BeforeEach
  void createTopics() {
    cluster = broker.cluster();
    cluster.createTopic(INPUT, PARTITIONS, Map.of());
  }

  @Test
  void killsOnKafkaStreamsLeaveThePagesOfAnUninterruptedRun() throws Exception {
    killsLeaveThePagesOfAnUninterruptedRun(deployment -> deployment.start(0));
  }

  @Test
  void killsOnFlinkLeaveThePagesOfAnUninterruptedRun() throws Exception {
    killsLeaveThePagesOfAnUninterruptedRun(deployment -> deployment.startFlink(0));
  }

  /** The uninterrupted run is always Kafka Streams: so the engines are compared as well. */
  private void killsLeaveThePagesOfAnUninterruptedRun(Start start) throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    Random random = new Random(seed);
    String context = "seed " + seed + " (-Dmillrace.seed repeats its kills)";
    KeyValueTrace trace = KeyValueTrace.of(seed);
    Deployment killed = deployment("killed", 2);
    killed.createTopics();
    int midTransaction = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      KeyValueTrace part = trace.part(kill, KILLS);
      int sent;
      try (JavaProcess app = start.of(killed);
          PacedFeed feed = new PacedFeed(part, INPUT, 20, cluster)) {
        // Records that flow from here on outlast the kill on any machine: it meets work in hand.
        app.awaitLine("Running", STOP);
        long before = killed.committedReadings();
        feed.start();
        killed.awaitProgress(app, before);
        LockSupport.parkNanos(random.nextInt(1500) * 1_000_000L);
        if (kill % 2 == 0) {
          // Between two commits there is often none: that kill would be an easy one.
          Await.until(
              () -> "a transaction is open\n" + app.logTail(),
              STOP,
              () -> cluster.openTransactions() > 0);
        }
        app.kill();
        midTransaction += cluster.openTransactions() > 0 ? 1 : 0;
        sent = feed.stop();
      }
      PacedFeed.all(part.from(sent), INPUT, cluster);
    }
    finish(start.of(killed), killed);
    Deployment steady = deployment("steady", 1);
    steady.createTopics();
    finish(steady.start(0), steady);

    System.out.println(midTransaction + " of " + KILLS + " kills met an open transaction");
    assertTrue(midTransaction > 0, context + ": no kill met an open transaction");
    Outputs expected = Outputs.of(steady);
    assertTrue(expected.count("pages") > 500, context + ": pages " + expected.count("pages"));
    Outputs.of(killed).assertSameAs(expected, context);
    assertEquals(List.of(), cluster.committed(killed.deadLetters()), context);
    PageChains.assertWhole(cluster.committed(killed.topic("pages")), context);
  }

  private static void finish(JavaProcess started, Deployment deployment) {
    try (JavaProcess app = started) {
      deployment.awaitCaughtUp(app);
      app.stop(STOP);
    }
  }

  private Deployment deployment(String name, int threads) {
    return new Deployment(
        name,
        INPUT,
        TestedPipeline.KEY_VALUES,
        PARTITIONS,
        threads,
        true,
        DIRECTORY.resolve(name).toAbsolutePath(),
        cluster);
  }
}
