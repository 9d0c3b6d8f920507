package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SingleObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Hundreds of hostile updates, commits and forged orders among good ones: each becomes one dead
 * letter, and the versions are those of a run without them.
 */
final class HostileClientsIT {
  private static final Path DIRECTORY = Path.of("target", "it", "hostile-clients");
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final int PARTITIONS = 2;
  private static final int CLIENTS = 3;
  private static final int ROUNDS = 1;
  private static final int BEFORE_EACH = 36;

  private static BrokerProcess broker;
  private static Cluster cluster;
  private static TestedPipeline pipeline;
  private static Outputs expected;

  /** Starts a process of a deployment. */
  private interface Start {
    JavaProcess of(Deployment deployment);
  }

  /** The run without them is on Kafka Streams: so the engines are compared as well. */
  @BeforeAll
  static void runWithoutThem() throws Exception {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
    pipeline =
        SimulatedFederation.pipeline(DIRECTORY, CLIENTS, "admission:", "  largest-norm: 1000");
    Deployment clean = deployment("clean");
    run(clean, run -> run.start(0), new Random(1), null, "clean");
    assertEquals(List.of(), cluster.committed(clean.deadLetters()));
    expected = Outputs.of(clean);
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void everyHostileRecordBecomesOneDeadLetterAndNothingElseOnKafkaStreams() throws Exception {
    everyHostileRecordBecomesOneDeadLetterAndNothingElse("streams", run -> run.start(0));
  }

  @Test
  void everyHostileRecordBecomesOneDeadLetterAndNothingElseOnFlink() throws Exception {
    everyHostileRecordBecomesOneDeadLetterAndNothingElse("flink", run -> run.startFlink(0));
  }

  private static void everyHostileRecordBecomesOneDeadLetterAndNothingElse(String name, Start start)
      throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    String context = name + ", seed " + seed + " (-Dmillrace.seed repeats its records)";
    Map<String, HostileClients.Hostile> hostile = new HashMap<>();
    Deployment mixed = deployment(name);
    run(mixed, start, new Random(seed), hostile, context);
    Outputs.of(mixed).assertSameAs(expected, context);
    int goods = CLIENTS * ROUNDS * (SimulatedFederation.CHUNKS + 1);
    assertEquals(goods * BEFORE_EACH + goods * (CLIENTS - 1) / CLIENTS, hostile.size(), context);
    assertDeadLetters(mixed, hostile, context);
  }

  /**
   * @param hostileOrNull gets what was sent beside the good records, by place; null: nothing is
   */
  private static void run(
      Deployment deployment,
      Start start,
      Random random,
      Map<String, HostileClients.Hostile> hostileOrNull,
      String context)
      throws Exception {
    deployment.createTopics();
    try (JavaProcess app = start.of(deployment);
        SimulatedFederation clients = new SimulatedFederation(deployment, CLIENTS)) {
      HostileClients makers = new HostileClients(random, deployment, clients);
      clients.publish();
      for (long version = 0; version < ROUNDS; version++) {
        clients.awaitVersion(version, app);
        clients.requestAll();
        for (String client : clients.clients()) {
          for (SimulatedFederation.Sent good :
              clients.train(clients.awaitOffer(client, version, app))) {
            for (int i = 0; hostileOrNull != null && i < BEFORE_EACH; i++) {
              HostileClients.Hostile bad = makers.next(good);
              hostileOrNull.put(place(clients.send(bad.sent())), bad);
            }
            clients.send(good);
            boolean last = clients.clients().indexOf(client) == CLIENTS - 1;
            if (hostileOrNull != null && !last) {
              // with the last one's the round closes, and what comes then is late
              hostileOrNull.put(
                  place(clients.send(good)),
                  new HostileClients.Hostile(good, Reason.DUPLICATE, "sent again"));
            }
          }
        }
      }
      clients.awaitVersion(ROUNDS, app);
      assertTrue(clients.command(0, "verify").startsWith("1 models, 2 versions"), context);
      app.stop(PATIENCE);
    }
  }

  private static Deployment deployment(String name) {
    return new Deployment(
        name, "", pipeline, PARTITIONS, 1, true, DIRECTORY.resolve(name).toAbsolutePath(), cluster);
  }

  private static void assertDeadLetters(
      Deployment deployment, Map<String, HostileClients.Hostile> hostile, String context) {
    SingleObject<DeadLetter> format = SingleObject.of(DeadLetter.class);
    Map<String, HostileClients.Hostile> open = new HashMap<>(hostile);
    Set<String> reasons = new TreeSet<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.deadLetters())) {
      DeadLetter letter = format.decode(record.value());
      String place = place(letter.getTopic(), letter.getPartition(), letter.getOffset());
      HostileClients.Hostile original = open.remove(place);
      String about =
          context + ": " + place + ", " + letter.getReason() + ", " + letter.getMessage();
      assertNotNull(original, about + ": letter for a good record or a second one");
      assertEquals(original.reason().name(), letter.getReason(), about + ": " + original.kind());
      reasons.add(letter.getReason());
    }
    assertEquals(Map.of(), open, context + ": hostile records without a dead letter");
    assertTrue(reasons.size() >= 9, context + ": " + reasons);
  }

  private static String place(RecordMetadata metadata) {
    return place(metadata.topic(), metadata.partition(), metadata.offset());
  }

  private static String place(String topic, int partition, long offset) {
    return topic + "-" + partition + ":" + offset;
  }
}
