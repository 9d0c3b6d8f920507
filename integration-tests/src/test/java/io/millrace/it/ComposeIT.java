package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.app.replay.EcgDataset;
import io.millrace.app.replay.WsnDataset;
import io.millrace.it.ComposeStack.Port;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The Compose file as a newcomer starts it, but with an end to the replays. */
final class ComposeIT {
  private static final Duration REPLAY = Duration.ofSeconds(120);
  private static final Duration CATCH_UP = Duration.ofSeconds(240);
  private static final Duration SCRAPE = Duration.ofSeconds(150);

  private static final Map<String, Integer> READINGS =
      Map.of("ecg", EcgDataset.READINGS, "motes", WsnDataset.READINGS);

  private static ComposeStack stack;
  private static Cluster cluster;

  @BeforeAll
  static void bringUp() {
    DockerEngine.assumeAnswers();
    ContainerImages.ensure();
    stack = ComposeStack.up(Map.of("REPEAT", "1", "RATE", "20000"));
    cluster = new Cluster("localhost:" + stack.port(Port.KAFKA_PORT));
  }

  @AfterAll
  static void bringDown() {
    if (stack != null) {
      stack.close();
    }
  }

  @Test
  void bothEnginesWriteTheSameBytesPerKey() {
    READINGS.forEach(
        (name, readings) ->
            Await.until(
                () -> name + " is replayed\n" + stack.logTail(name),
                REPLAY,
                () -> end(name + ".readings") >= readings));
    for (String pipeline : READINGS.keySet()) {
      Await.until(
          () -> "Kafka Streams catches up\n" + stack.logTail("kafka-streams"),
          CATCH_UP,
          () -> cluster.lag("kafka-streams-" + pipeline, pipeline + ".readings") == 0);
      for (String channel : List.of("codes", "anomalies", "dictionaries")) {
        Map<String, List<String>> expected = cluster.committedByKey(pipeline + "." + channel);
        assertFalse(
            expected.isEmpty() && !channel.equals("anomalies"), pipeline + " has no " + channel);
        String onFlink = pipeline + "-on-flink." + channel;
        Await.until(
            () -> onFlink + " is as long as on Kafka Streams\n" + stack.logTail("flink"),
            CATCH_UP,
            () -> count(cluster.committedByKey(onFlink)) >= count(expected));
        assertEquals(expected, cluster.committedByKey(onFlink), onFlink);
      }
    }
  }

  @Test
  void bothPagesNameTheirEngine() throws Exception {
    assertEquals("kafka-streams", engineOf(Port.PAGE_PORT));
    assertEquals("flink", engineOf(Port.FLINK_PAGE_PORT));
  }

  @Test
  void cancelledJobsGoOnFromTheStore() throws Exception {
    awaitJobsWith("a checkpoint in S3", "completed");
    for (JsonNode job : runningJobs()) {
      JsonClient.patch(
          stack.at(Port.FLINK_PORT, "/jobs/" + job.path("id").asText() + "?mode=cancel"));
    }
    Await.until("the jobs end", SCRAPE, () -> runningJobs().isEmpty());
    // A job that was ended from outside ends who watches it.
    Await.until("its watcher ends", SCRAPE, () -> !answers(Port.FLINK_PAGE_PORT));
    stack.start("flink");
    awaitJobsWith("gone on from S3", "restored");
  }

  private static boolean answers(Port page) throws InterruptedException {
    try {
      engineOf(page);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void awaitJobsWith(String what, String state) {
    Await.until(
        () -> "both jobs have " + what + "\n" + stack.logTail("flink"),
        CATCH_UP,
        () -> {
          int stored = 0;
          for (JsonNode job : runningJobs()) {
            String path = "/jobs/" + job.path("id").asText() + "/checkpoints";
            JsonNode latest = JsonClient.get(stack.at(Port.FLINK_PORT, path)).path("latest");
            String place = latest.path(state).path("external_path").asText();
            stored += place.startsWith("s3://flink/checkpoints/") ? 1 : 0;
          }
          return stored == 2;
        });
  }

  private static List<JsonNode> runningJobs() throws Exception {
    List<JsonNode> running = new ArrayList<>();
    for (JsonNode job : JsonClient.get(stack.at(Port.FLINK_PORT, "/jobs")).path("jobs")) {
      if (job.path("status").asText().equals("RUNNING")) {
        running.add(job);
      }
    }
    return running;
  }

  @Test
  void prometheusReachesEveryTarget() {
    List<String> down = new ArrayList<>();
    TreeSet<String> up = new TreeSet<>();
    Await.until(
        () -> "two apps, a JobManager and two TaskManagers are up: " + up + ", not " + down,
        SCRAPE,
        () -> {
          up.clear();
          down.clear();
          JsonNode targets =
              JsonClient.get(stack.at(Port.PROMETHEUS_PORT, "/api/v1/targets?state=active"));
          for (JsonNode target : targets.path("data").path("activeTargets")) {
            boolean answers = target.path("health").asText().equals("up");
            (answers ? up : down).add(target.path("scrapeUrl").asText());
          }
          return up.size() == 5 && down.isEmpty();
        });
  }

  @Test
  void everyQueryOfTheDashboardsHasData() throws Exception {
    // A refused record: else there is no dead letter to show.
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            new HashMap<>(cluster.client()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (String pipeline : READINGS.keySet()) {
        producer.send(new ProducerRecord<>(pipeline + ".readings", new byte[1], new byte[1])).get();
      }
    }
    for (GrafanaDashboard dashboard : GrafanaDashboard.all()) {
      assertTrue(dashboard.queries().size() > 10, dashboard.file());
      List<String> faults = new ArrayList<>();
      Await.until(
          () -> "every query has data, but\n" + String.join("\n", faults),
          SCRAPE,
          () -> {
            faults.clear();
            faults.addAll(dashboard.faults(path -> stack.at(Port.PROMETHEUS_PORT, path)));
            return faults.isEmpty();
          });
    }
  }

  private static String engineOf(Port page) throws IOException, InterruptedException {
    return JsonClient.get(stack.at(page, "/api/snapshot")).path("engine").asText();
  }

  private static long end(String topic) {
    return cluster.ends(topic).values().stream().mapToLong(Long::longValue).sum();
  }

  private static long count(Map<String, List<String>> byKey) {
    return byKey.values().stream().mapToLong(List::size).sum();
  }
}
