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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
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

  private BrokerProcess broker;
  private Cluster cluster;
  private TestedPipeline pipeline;

  @BeforeEach
  void startBroker() throws Exception {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
    pipeline =
        SimulatedFederation.pipeline(DIRECTORY, CLIENTS, "admission:", "  largest-norm: 1000");
  }

  @AfterEach
  void stopBroker() {
    broker.close();
  }

  @Test
  void everyHostileRecordBecomesOneDeadLetterAndNothingElse() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    String context = "seed " + seed + " (-Dmillrace.seed repeats its records)";
    Map<String, HostileClients.Hostile> hostile = new HashMap<>();
    Deployment mixed = run("mixed", new Random(seed), hostile, context);
    Deployment clean = run("clean", new Random(seed), null, context);

    Outputs.of(mixed).assertSameAs(Outputs.of(clean), context);
    assertEquals(List.of(), cluster.committed(clean.deadLetters()), context);
    int goods = CLIENTS * ROUNDS * (SimulatedFederation.CHUNKS + 1);
    assertEquals(goods * BEFORE_EACH + goods * (CLIENTS - 1) / CLIENTS, hostile.size(), context);
    assertDeadLetters(mixed, hostile, context);
  }

  /**
   * @param hostileOrNull gets what was sent beside the good records, by place; null: nothing is
   */
  private Deployment run(
      String name, Random random, Map<String, HostileClients.Hostile> hostileOrNull, String context)
      throws Exception {
    Deployment deployment =
        new Deployment(
            name,
            "",
            pipeline,
            PARTITIONS,
            1,
            true,
            DIRECTORY.resolve(name).toAbsolutePath(),
            cluster);
    deployment.createTopics();
    try (JavaProcess app = deployment.start(0);
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
    return deployment;
  }

  private void assertDeadLetters(
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
