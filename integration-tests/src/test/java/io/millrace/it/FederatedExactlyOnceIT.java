package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedKeys;
import io.millrace.schema.Contribution;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * T2: versions of a federated model after kills amid rounds equal those of an uninterrupted run, on
 * either engine, and no client trains a task twice.
 */
final class FederatedExactlyOnceIT {
  private static final Path DIRECTORY = Path.of("target", "it", "federated");
  private static final Duration STOP = Duration.ofSeconds(180);
  private static final int PARTITIONS = 2;
  private static final int CLIENTS = 5;
  private static final int ROUNDS = 3;

  private static BrokerProcess broker;
  private static Cluster cluster;
  private static TestedPipeline pipeline;
  private static Outputs expected;

  /** Starts a process of a deployment. */
  private interface Start {
    JavaProcess of(Deployment deployment);
  }

  /** The uninterrupted run is always Kafka Streams: so the engines are compared as well. */
  @BeforeAll
  static void runSteadily() throws Exception {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
    // every phase there is: Gram matrices, a decision, an optimiser with a memory
    pipeline =
        SimulatedFederation.pipeline(
            DIRECTORY,
            CLIENTS,
            "robust:",
            "  mixing: nearest-neighbours",
            "  rule: trimmed-mean",
            "  faulty: 1",
            "method:",
            "  server:",
            "    optimiser: adam",
            "    rate: 0.1");
    Deployment steady = deployment("steady");
    steady.createTopics();
    try (JavaProcess app = steady.start(0);
        SimulatedFederation clients = new SimulatedFederation(steady, CLIENTS)) {
      clients.publish();
      for (long version = 0; version < ROUNDS; version++) {
        clients.awaitVersion(version, app);
        clients.requestAll();
        for (String client : clients.clients()) {
          clients.sendAll(clients.train(clients.awaitOffer(client, version, app)));
        }
      }
      clients.awaitVersion(ROUNDS, app);
      app.stop(STOP);
      assertWhole(steady, clients, "steady");
    }
    expected = Outputs.of(steady);
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void killsOnKafkaStreamsLeaveTheVersionsOfAnUninterruptedRun() throws Exception {
    killsLeaveTheVersionsOfAnUninterruptedRun("killed-streams", run -> run.start(0));
  }

  @Test
  void killsOnFlinkLeaveTheVersionsOfAnUninterruptedRun() throws Exception {
    killsLeaveTheVersionsOfAnUninterruptedRun("killed-flink", run -> run.startFlink(0));
  }

  /**
   * Each round meets its kill elsewhere: amid an upload, with all but one update received, and
   * while the version is made.
   */
  private void killsLeaveTheVersionsOfAnUninterruptedRun(String name, Start start)
      throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    Random random = new Random(seed);
    String context = name + ", seed " + seed + " (-Dmillrace.seed repeats its kills)";
    Deployment killed = deployment(name);
    killed.createTopics();
    JavaProcess app = start.of(killed);
    try (SimulatedFederation clients = new SimulatedFederation(killed, CLIENTS)) {
      clients.publish();
      for (long version = 0; version < ROUNDS; version++) {
        clients.awaitVersion(version, app);
        clients.requestAll();
        List<SimulatedFederation.Sent> updates = new ArrayList<>();
        List<SimulatedFederation.Sent> last = List.of();
        for (String client : clients.clients()) {
          updates.addAll(last);
          last = clients.train(clients.awaitOffer(client, version, app));
        }
        int border = version == 0 ? random.nextInt(updates.size()) : updates.size();
        clients.sendAll(updates.subList(0, border));
        if (version < 2) {
          app = killAndStart(app, killed, start);
        }
        clients.sendAll(updates.subList(border, updates.size()));
        clients.sendAll(last);
        if (version == 2) {
          app = killAndStart(app, killed, start);
        }
      }
      clients.awaitVersion(ROUNDS, app);
      app.stop(STOP);
      assertWhole(killed, clients, context);
      Outputs.of(killed).assertSameAs(expected, context);
    } finally {
      app.close();
    }
  }

  /**
   * T11: one of four vanishes amid its masked upload, the aggregator is killed between Survivors
   * and Unmask, and a client begins again from its files: the version is the sum of the others,
   * integer for integer, and no record holds the update of one of them.
   */
  @Test
  void aMaskedRoundSurvivesAClientThatVanishesAndKills() throws Exception {
    Path directory = DIRECTORY.resolve("masked");
    Deployment masked =
        new Deployment(
            "masked",
            "",
            MaskedFederates.pipeline(SimulatedFederation.key(directory)),
            PARTITIONS,
            2,
            true,
            directory.toAbsolutePath(),
            cluster);
    masked.createTopics();
    JavaProcess app = masked.start(0);
    try (SimulatedFederation owner = new SimulatedFederation(masked, 0);
        MaskedFederates clients = new MaskedFederates(masked)) {
      owner.publish();
      for (int client = 0; client < MaskedFederates.COUNT; client++) {
        owner.command(
            0,
            "client-key",
            "--model",
            SimulatedFederation.MODEL,
            "--client",
            MaskedFederates.name(client),
            "--public-key",
            clients.publicKey(client));
      }
      tick(owner, "2030-01-01T00:00:00Z");
      owner.awaitVersion(0, app);
      clients.start(3, 1);
      clients.turnUntil("all masked", app, () -> clients.isGone(3), 0, 1, 2, 3);
      clients.turnUntil(
          "updates whole",
          app,
          () -> owner.command(0, "status").contains("3 of 3 to 4 updates whole"),
          0,
          1,
          2);
      tick(owner, "2030-01-01T00:00:30Z");
      clients.turnUntil("survivors named", app, () -> clients.sent(0, "MaskReveal") > 0, 0);
      app.kill();
      clients.start(1, Integer.MAX_VALUE);
      app = masked.start(0);
      JavaProcess second = app;
      clients.turnUntil(
          "revealed",
          second,
          () -> clients.sent(1, "MaskReveal") > 0 && clients.sent(2, "MaskReveal") > 0,
          1,
          2);
      VersionCommit commit = owner.awaitVersion(1, app);
      assertEquals(
          List.of("client-0", "client-1", "client-2"),
          commit.getContributions().stream().map(Contribution::getClient).toList());
      assertArrayEquals(
          MaskedFederates.after(SimulatedFederation.numbers(-1, 0), 0, 1, 2), model(masked, 1), 0);
      // a chunk whose receipt is slow may be sent twice
      for (ConsumerRecord<byte[], byte[]> record : cluster.committed(masked.deadLetters())) {
        DeadLetter letter = SingleObject.of(DeadLetter.class).decode(record.value());
        assertEquals("DUPLICATE", letter.getReason(), letter.toString());
      }
      assertTrue(owner.command(0, "verify").startsWith("1 models, 2 versions"));
      app.stop(STOP);
      assertNothingToBeSeen(masked);
    } finally {
      app.close();
    }
  }

  private static void tick(SimulatedFederation owner, String time) {
    owner.command(0, "tick", "--model", SimulatedFederation.MODEL, "--time", time);
  }

  /** The numbers of a version. */
  private static float[] model(Deployment deployment, long version) {
    ByteBuffer values =
        ByteBuffer.allocate(Float.BYTES * SimulatedFederation.LENGTH)
            .order(ByteOrder.LITTLE_ENDIAN);
    TreeMap<Integer, ModelChunk> chunks = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("models"))) {
      if (record.value() != null) {
        ModelChunk chunk = SingleObject.of(ModelChunk.class).decode(record.value());
        if (chunk.getVersion() == version) {
          chunks.put(chunk.getChunk(), chunk);
        }
      }
    }
    chunks.values().forEach(chunk -> values.put(chunk.getValues()));
    float[] numbers = new float[SimulatedFederation.LENGTH];
    values.flip().asFloatBuffer().get(numbers);
    return numbers;
  }

  /** Of nobody's update, in anything that clients sent or the aggregator said. */
  private static void assertNothingToBeSeen(Deployment deployment) {
    int searched = 0;
    for (String channel : List.of("updates", "control", "tasks", "rounds", "models")) {
      for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic(channel))) {
        String text =
            record.value() == null ? "" : new String(record.value(), StandardCharsets.ISO_8859_1);
        for (int client = 0; client < MaskedFederates.COUNT; client++) {
          for (byte[] pattern : MaskedFederates.patterns(client)) {
            String part = new String(pattern, StandardCharsets.ISO_8859_1);
            assertFalse(text.contains(part), channel + " shows an update of client-" + client);
            searched++;
          }
        }
      }
    }
    assertTrue(searched > 1000, "searches: " + searched);
  }

  /** Kills it once it has work in hand, if it gets any. */
  private static JavaProcess killAndStart(JavaProcess app, Deployment killed, Start start) {
    long until = System.nanoTime() + Duration.ofMillis(600).toNanos();
    while (cluster.openTransactions() == 0 && System.nanoTime() < until) {
      Thread.onSpinWait();
    }
    app.kill();
    return start.of(killed);
  }

  /** Every version committed once, no task trained twice or in vain, the log agrees. */
  private static void assertWhole(
      Deployment deployment, SimulatedFederation clients, String context) {
    List<Long> versions = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("versions"))) {
      if (SingleObject.recordName(record.value()).equals("VersionCommit")) {
        VersionCommit commit = SingleObject.of(VersionCommit.class).decode(record.value());
        versions.add(commit.getVersion());
        int updates = commit.getVersion() == 0 ? 0 : CLIENTS;
        // the rule may leave some out of all groups; nothing else is a reason here
        commit
            .getRejected()
            .forEach(rejection -> assertEquals("RULE", rejection.getReason(), context));
        assertEquals(
            updates, commit.getContributions().size() + commit.getRejected().size(), context);
      }
    }
    assertEquals(ROUNDS + 1, versions.size(), context + ": " + versions);
    assertEquals(ROUNDS + 1, new TreeSet<>(versions).size(), context + ": " + versions);
    TreeSet<Long> given = new TreeSet<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("tasks"))) {
      given.add(SingleObject.of(TaskOffer.class).decode(record.value()).getTask().getSequence());
    }
    assertEquals(clients.trained().keySet(), given, context);
    assertEquals(CLIENTS * ROUNDS, given.size(), context);
    clients.trained().forEach((task, times) -> assertEquals(1, times, context + ": task " + task));
    assertEquals(List.of(), cluster.committed(deployment.deadLetters()), context);
    assertPlaces(deployment, context);
    String verified = clients.command(0, "verify");
    assertTrue(verified.startsWith("1 models, 4 versions"), context + verified);
    assertTrue(clients.command(0, "status").contains("version 3 from 2"), context);
  }

  /** Also what the control commands lies where its chunk's updates do. */
  private static void assertPlaces(Deployment deployment, String context) {
    Map<String, List<String>> perKey = cluster.committedByKey(deployment.topic("updates"));
    assertEquals(SimulatedFederation.CHUNKS, perKey.size(), context);
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("updates"))) {
      String key = new String(record.key(), UTF_8);
      assertEquals(FederatedKeys.chunkOf(key) % PARTITIONS, record.partition(), context + key);
    }
  }

  private static Deployment deployment(String name) {
    return new Deployment(
        name, "", pipeline, PARTITIONS, 2, true, DIRECTORY.resolve(name).toAbsolutePath(), cluster);
  }
}
