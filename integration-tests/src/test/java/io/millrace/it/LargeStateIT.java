package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.EcgDataset;
import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A state of several megabytes per key, through a kill and a lost disk. */
final class LargeStateIT {
  private static final Path DIRECTORY = Path.of("target", "it", "large-state");
  private static final Duration PROGRESS = Duration.ofSeconds(90);
  private static final Duration CATCH_UP = Duration.ofSeconds(120);
  private static final int DIMENSION = 256;
  private static final int ATOMS = 1024;

  private static final TestedPipeline PIPELINE =
      TestedPipeline.sensors(
          "channels: 1",
          "window:",
          "  length: " + DIMENSION,
          "  hop: 128",
          "atoms: " + ATOMS,
          "error-bound: 0.02",
          "rounds:",
          "  first-windows: 64");

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  @BeforeEach
  void createTopics() throws Exception {
    cluster = broker.cluster();
    cluster.createTopic("readings", 1, Map.of());
  }

  @Test
  void comesBackFromItsChangelogAfterAKillAndALostDisk() throws Exception {
    ReadingList readings = ReadingList.of(new EcgDataset(), 1);
    Deployment killed = deployment("killed");
    killed.createTopics();
    for (int part = 0; part < 3; part++) {
      feed(readings.part(part, 3));
      try (JavaProcess app = killed.start(0)) {
        long before = killed.committedReadings();
        Await.until(
            () -> "a part is under way; the log ends\n" + app.logTail(),
            PROGRESS,
            () -> killed.committedReadings() > before);
        app.kill();
      }
      if (part == 1) {
        Directories.delete(killed.stateDirectory(0));
      }
    }
    finish(killed);
    long kept = changelogBytes(killed);
    Deployment steady = deployment("steady");
    steady.createTopics();
    finish(steady);

    // Atoms and two products of float32, d x k and k x k, are the least that must be kept.
    long least = 4L * (2L * DIMENSION * ATOMS + (long) ATOMS * ATOMS);
    assertTrue(kept > least, "changelog holds " + kept + " bytes, expected above " + least);
    Outputs expected = Outputs.of(steady);
    assertTrue(expected.count("codes") > 800, "codes " + expected.count("codes"));
    Outputs.of(killed).assertSameAs(expected, "killed three times");
  }

  private Deployment deployment(String name) {
    return new Deployment(
        name, "readings", PIPELINE, 1, 1, true, DIRECTORY.resolve(name).toAbsolutePath(), cluster);
  }

  private void feed(ReadingList part) throws InterruptedException {
    try (ReadingReplayer feed =
        new ReadingReplayer(part, ReplaySettings.once("readings"), cluster.client())) {
      feed.start();
      assertTrue(feed.await(60, TimeUnit.SECONDS), "feed ends");
      assertEquals("", feed.progress().failure());
    }
  }

  private static void finish(Deployment deployment) {
    try (JavaProcess app = deployment.start(0)) {
      Await.until(
          () -> deployment.name() + " catches up, lag " + deployment.lag() + "\n" + app.logTail(),
          CATCH_UP,
          () -> {
            assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
            return deployment.lag() == 0;
          });
      app.stop(Duration.ofSeconds(60));
    }
  }

  /** Bytes of the newest value of each key. */
  private long changelogBytes(Deployment deployment) {
    Map<String, Integer> newest = new HashMap<>();
    for (String topic : cluster.topicsWith("-changelog")) {
      if (topic.startsWith(deployment.name() + "-")) {
        for (ConsumerRecord<byte[], byte[]> record : cluster.committed(topic)) {
          newest.put(
              topic + Hex.of(record.key()), record.value() == null ? 0 : record.value().length);
        }
      }
    }
    return newest.values().stream().mapToLong(Integer::longValue).sum();
  }
}
