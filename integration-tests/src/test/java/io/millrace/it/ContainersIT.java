package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.WsnDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.Network;
import org.testcontainers.kafka.KafkaContainer;

/**
 * Deployments in containers, against a broker in another, leave the committed output of a process
 * of this build, byte for byte per key.
 */
final class ContainersIT {
  private static final Path DIRECTORY = Path.of("target", "it", "containers").toAbsolutePath();
  private static final Duration PROGRESS = Duration.ofSeconds(120);
  private static final Duration CATCH_UP = Duration.ofSeconds(240);
  private static final Duration STOP = Duration.ofSeconds(60);
  private static final int PARTITIONS = 4;

  /** The broker, seen from other containers. */
  private static final String INSIDE = "broker:19092";

  private static Network network;
  private static KafkaContainer broker;
  private static Cluster cluster;
  private static FlinkContainers flink;

  @BeforeAll
  static void startBroker() throws IOException {
    DockerEngine.assumeAnswers();
    ContainerImages.ensure();
    Directories.delete(DIRECTORY);
    Files.createDirectories(DIRECTORY);
    network = Network.newNetwork();
    broker =
        new KafkaContainer(ContainerImages.external("KAFKA_IMAGE"))
            .withNetwork(network)
            .withListener(INSIDE)
            // Deployment asks for short sessions.
            .withEnv("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "1000")
            .withLogConsumer(new ContainerLog(DIRECTORY.resolve("broker.log")));
    broker.start();
    cluster = new Cluster(broker.getBootstrapServers());
  }

  @AfterAll
  static void stop() {
    if (flink != null) {
      flink.close();
    }
    if (broker != null) {
      broker.stop();
      network.close();
    }
  }

  @Test
  void kafkaStreamsInAContainerLeavesTheOutputOfAProcess() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment deployment = deployment("kafka-streams", "readings", 2);
    feed(readings, deployment.input());
    deployment.createTopics();
    try (AppContainer app =
        AppContainer.start(ContainerImages.KAFKA_STREAMS, network, INSIDE, deployment)) {
      assertNotEquals("0", app.ask("id", "-u"), "runs as root");
      awaitCaughtUp(deployment, app);
      assertEquals(AppContainer.STOPPED_BY_SIGNAL, app.stop(), app::logTail);
    }
    assertEquals(0, cluster.openTransactions(), "a stop ends its transactions");
    assertSameAsProcess(deployment);
  }

  @Test
  void aFlinkClusterOfContainersLeavesTheOutputOfAProcess() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment deployment = deployment("flink", "readings-for-flink", FlinkContainers.SLOTS);
    feed(readings, deployment.input());
    deployment.createTopics();
    FlinkContainers flink = flink();
    try (AppContainer app = onFlink(deployment)) {
      awaitCaughtUp(deployment, app);
      assertSameAsProcess(deployment);
      String checkpoint = flink.newestCheckpoint(job(deployment));
      assertTrue(checkpoint.startsWith("s3://flink/checkpoints/"), checkpoint);
    }
    flink.cancel(job(deployment));
  }

  @Test
  void killedTaskManagersLoseAndDoubleNothing() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment deployment = deployment("killed", "readings-for-killed", FlinkContainers.SLOTS);
    deployment.createTopics();
    FlinkContainers flink = flink();
    try (AppContainer app = onFlink(deployment)) {
      for (int kill = 0; kill < 2; kill++) {
        ReadingList part = readings.part(kill, 2);
        long before = deployment.committedReadings();
        // Slow enough to outlast the kill: it meets work in hand.
        try (ReadingReplayer feed = replayer(part, deployment.input(), 1500)) {
          feed.start();
          Await.until(
              () -> "readings are committed past " + before + "\n" + app.logTail(),
              PROGRESS,
              () -> deployment.committedReadings() > before);
          int restores = flink.restores(job(deployment));
          flink.killAndRestart(kill);
          Await.until(
              () -> "the job goes back to a checkpoint\n" + app.logTail(),
              PROGRESS,
              () -> flink.restores(job(deployment)) > restores);
          awaitEnd(feed);
        }
      }
      awaitCaughtUp(deployment, app);
      assertSameAsProcess(deployment);
    }
    flink.cancel(job(deployment));
  }

  /** The cluster of both tests, started by the first. */
  private static FlinkContainers flink() {
    if (flink == null) {
      flink = FlinkContainers.start(network, DIRECTORY);
    }
    return flink;
  }

  private static AppContainer onFlink(Deployment deployment) {
    return AppContainer.start(
        ContainerImages.APP,
        network,
        INSIDE,
        deployment,
        "--engine",
        "flink",
        "--cluster",
        FlinkContainers.ADDRESS,
        "--from",
        "nothing");
  }

  private static String job(Deployment deployment) {
    return deployment.name() + "-" + deployment.name();
  }

  private static Deployment deployment(String name, String input, int threads) {
    cluster.createTopic(input, PARTITIONS, Map.of());
    return new Deployment(
        name,
        input,
        TestedPipeline.SENSORS,
        PARTITIONS,
        threads,
        true,
        DIRECTORY.resolve(name),
        cluster);
  }

  private static ReadingReplayer replayer(ReadingList readings, String topic, double perSecond) {
    return new ReadingReplayer(
        readings, new ReplaySettings(topic, perSecond, 0, 1, 0), cluster.client());
  }

  private static void feed(ReadingList readings, String topic) throws InterruptedException {
    try (ReadingReplayer feed = replayer(readings, topic, 0)) {
      feed.start();
      awaitEnd(feed);
    }
  }

  private static void awaitEnd(ReadingReplayer feed) throws InterruptedException {
    assertTrue(feed.await(240, TimeUnit.SECONDS), () -> "feed ends: " + feed.progress());
    assertEquals("", feed.progress().failure());
  }

  private static void awaitCaughtUp(Deployment deployment, AppContainer app) {
    Await.until(
        () -> deployment.name() + " catches up, lag " + deployment.lag() + "\n" + app.logTail(),
        CATCH_UP,
        () -> {
          assertTrue(app.isAlive(), () -> "the container ended by itself\n" + app.logTail());
          return deployment.lag() == 0;
        });
  }

  /** Runs the same pipeline over the same topic in a process and compares. */
  private static void assertSameAsProcess(Deployment inContainers) {
    String name = inContainers.name() + "-process";
    Deployment process =
        new Deployment(
            name,
            inContainers.input(),
            TestedPipeline.SENSORS,
            PARTITIONS,
            1,
            true,
            DIRECTORY.resolve(name),
            cluster);
    process.createTopics();
    try (JavaProcess app = process.start(0)) {
      Await.until(
          () -> name + " catches up, lag " + process.lag() + "\n" + app.logTail(),
          CATCH_UP,
          () -> process.lag() == 0);
      app.stop(STOP);
    }
    Outputs expected = Outputs.of(process);
    assertTrue(expected.count("codes") > 500, "codes: " + expected.count("codes"));
    assertTrue(expected.count("dictionaries") > 8, "versions: " + expected.count("dictionaries"));
    // On Flink the last results are committed a moment after the offsets of their readings.
    Await.until(
        inContainers.name() + " commits as many codes as the process",
        PROGRESS,
        () -> Outputs.of(inContainers).count("codes") >= expected.count("codes"));
    Outputs.of(inContainers).assertSameAs(expected, inContainers.name());
    assertEquals(List.of(), cluster.committed(inContainers.deadLetters()), "dead letters");
  }
}
