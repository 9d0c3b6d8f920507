package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.WsnDataset;
import java.io.IOException;
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

  private static final List<String> PIPELINE =
      List.of(
          "channels: 2",
          "window:",
          "  length: 16",
          "  idle-flush-millis: 60000",
          "atoms: 48",
          "error-bound: 0.05",
          "rounds:",
          "  first-windows: 32");

  private static Network network;
  private static KafkaContainer broker;
  private static Cluster cluster;

  @BeforeAll
  static void startBroker() throws IOException {
    DockerEngine.assumeAnswers();
    ContainerImages.ensure();
    Directories.delete(DIRECTORY);
    network = Network.newNetwork();
    broker =
        new KafkaContainer(ContainerImages.external("KAFKA_IMAGE"))
            .withNetwork(network)
            .withListener(INSIDE)
            // Deployment asks for short sessions.
            .withEnv("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "1000");
    broker.start();
    cluster = new Cluster(broker.getBootstrapServers());
  }

  @AfterAll
  static void stopBroker() {
    if (broker != null) {
      broker.stop();
      network.close();
    }
  }

  @Test
  void kafkaStreamsInAContainerLeavesTheOutputOfAProcess() throws Exception {
    ReadingList readings = ReadingList.of(new WsnDataset(), 1);
    Deployment deployment = deployment("kafka-streams", "readings");
    feed(readings, "readings", 0);
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

  private static Deployment deployment(String name, String input) {
    cluster.createTopic(input, PARTITIONS, Map.of());
    return new Deployment(
        name, input, PIPELINE, PARTITIONS, 2, true, DIRECTORY.resolve(name), cluster);
  }

  private static void feed(ReadingList readings, String topic, double perSecond)
      throws InterruptedException {
    ReplaySettings settings = new ReplaySettings(topic, perSecond, 0, 1, 0);
    try (ReadingReplayer feed = new ReadingReplayer(readings, settings, cluster.client())) {
      feed.start();
      assertTrue(feed.await(120, TimeUnit.SECONDS), "feed ends");
      assertEquals("", feed.progress().failure());
    }
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
            PIPELINE,
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
    Outputs.of(inContainers).assertSameAs(expected, inContainers.name());
    assertEquals(List.of(), cluster.committed(inContainers.deadLetters()), "dead letters");
  }
}
