package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.FederatedClient;
import io.millrace.client.FileStore;
import io.millrace.client.GatewayTransport;
import io.millrace.client.TrainedModel;
import io.millrace.client.TrainingRound;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.VersionCommit;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What an owner does with a running model: tick, look, roll back, rebuild, verify, open a gateway.
 */
final class FederatedCommandsIT {
  private static final Path DIRECTORY = Path.of("target", "it", "federated-commands");
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final int CLIENTS = 3;
  private static final int PARTITIONS = 2;
  private static final String MODEL = SimulatedFederation.MODEL;

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Deployment deployment;
  private SimulatedFederation clients;
  private JavaProcess app;

  @Test
  void anOwnerTicksLooksRollsBackRebuildsVerifiesAndOpensAGateway() throws Exception {
    deployment =
        new Deployment(
            "owned",
            "",
            SimulatedFederation.pipeline(DIRECTORY, CLIENTS),
            PARTITIONS,
            1,
            true,
            DIRECTORY.resolve("owned").toAbsolutePath(),
            broker.cluster());
    deployment.createTopics();
    try (JavaProcess process = deployment.start(0);
        SimulatedFederation federation = new SimulatedFederation(deployment, CLIENTS)) {
      app = process;
      clients = federation;
      clients.publish();
      clients.awaitVersion(0, app);
      assertTrue(status().contains("holds 0, PUBLISHED"), status());
      tick("2100-01-01T00:00:00Z");
      round(0, 1);
      tick("2099-12-31T00:00:00Z");
      round(1, 2);
      String told = status();
      assertTrue(told.contains("it is 2100-01-01T00:00:00Z"), told);
      assertTrue(told.contains("ticks were older than another"), told);
      rollBack();
      rebuild();
      assertTrue(verified().startsWith("1 models, 4 versions"), verified());
      trainOverHttp();
      assertTrue(verified().startsWith("1 models, 5 versions"), verified());
      // an older tick is no fault, whoever sent it
      assertEquals(List.of(), broker.cluster().committed(deployment.deadLetters()));
    }
  }

  private void tick(String time) {
    String said = clients.command(0, "tick", "--model", MODEL, "--time", time);
    assertTrue(said.contains("it is " + time), said);
  }

  private String status() {
    return clients.command(0, "status");
  }

  private String verified() {
    return clients.command(0, "verify");
  }

  private VersionCommit round(long base, long version) {
    clients.forgetOffers();
    clients.requestAll();
    for (String client : clients.clients()) {
      TaskOffer offer = clients.awaitOffer(client, base, app);
      clients.sendAll(clients.train(offer));
    }
    return clients.awaitVersion(version, app);
  }

  /** What was made of version 1 is made of it again, to the same numbers. */
  private void rollBack() {
    clients.command(0, "rollback", "--model", MODEL, "--version", "1");
    VersionCommit commit = round(1, 3);
    assertEquals(1, commit.getParent());
    String told = status();
    assertTrue(told.contains("version 3 from 1"), told);
    assertTrue(told.contains("holds 3, PUBLISHED"), told);
    Map<Long, Map<Integer, ByteBuffer>> models = models();
    assertEquals(models.get(2L), models.get(3L));
    assertFalse(models.get(1L).equals(models.get(3L)));
  }

  private Map<Long, Map<Integer, ByteBuffer>> models() {
    Map<Long, Map<Integer, ByteBuffer>> models = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record :
        broker.cluster().committed(deployment.topic("models"))) {
      if (record.value() != null) {
        ModelChunk chunk = SingleObject.of(ModelChunk.class).decode(record.value());
        models
            .computeIfAbsent(chunk.getVersion(), version -> new TreeMap<>())
            .put(chunk.getChunk(), chunk.getValues());
      }
    }
    return models;
  }

  /** Against the means of the other two, worked out here. */
  private void rebuild() throws IOException {
    double[] expected = doubles(SimulatedFederation.numbers(-1, 0));
    addMean(expected, 0);
    addMean(expected, 1);
    for (String version : List.of("2", "3")) {
      Path file = deployment.directory().resolve("without-" + version);
      String said =
          clients.command(
              0,
              "rebuild",
              "--model",
              MODEL,
              "--without",
              "client-2",
              "--version",
              version,
              "--out",
              file.toString());
      assertTrue(said.contains("version " + version + " without "), said);
      assertArrayEquals(bytes(expected), Files.readAllBytes(file), said);
    }
    // nobody of that name sent anything: the numbers are those that were published
    Path whole = deployment.directory().resolve("without-nobody");
    String said =
        clients.command(
            0, "rebuild", "--model", MODEL, "--without", "nobody", "--out", whole.toString());
    assertTrue(said.contains("version 3 without 0 updates of nobody"), said);
    ByteArrayOutputStream published = new ByteArrayOutputStream();
    for (ByteBuffer values : models().get(3L).values()) {
      byte[] bytes = new byte[values.remaining()];
      values.duplicate().get(bytes);
      published.write(bytes);
    }
    assertArrayEquals(published.toByteArray(), Files.readAllBytes(whole));
  }

  /** What clients 0 and 1 make of a version, who have 10 and 11 examples. */
  private static void addMean(double[] model, long version) {
    float[] ten = SimulatedFederation.numbers(0, version);
    float[] eleven = SimulatedFederation.numbers(1, version);
    for (int i = 0; i < model.length; i++) {
      // as the operator divides: where the sum is a multiple of 21 floats are half-way, and it
      // shows
      model[i] += (10.0 * ten[i] + 11.0 * eleven[i]) * (1 / 21.0);
    }
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  private static byte[] bytes(double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putFloat((float) value);
    }
    return bytes.array();
  }

  /** The last client of a round speaks HTTP alone. */
  private void trainOverHttp() throws IOException {
    ClientIdentity identity = ClientIdentity.random();
    String key = HexFormat.of().formatHex(identity.publicKey());
    clients.command(0, "client-key", "--model", MODEL, "--client", "client-2", "--public-key", key);
    clients.forgetOffers();
    List<String> others = clients.clients().subList(0, 2);
    others.forEach(client -> clients.send(clients.request(client)));
    for (String client : others) {
      clients.sendAll(clients.train(clients.awaitOffer(client, 3, app)));
    }
    // there before the gateway reads its topics, or it would first serve the task of the last round
    clients.send(clients.request("client-2"));
    clients.awaitOffer("client-2", 3, app);
    ClientSettings settings = ClientSettings.of(MODEL, "client-2", identity);
    FederatedClient client =
        new FederatedClient(
            settings,
            task -> trained(task.start()),
            new FileStore(DIRECTORY.resolve("http.state")));
    try (JavaProcess gateway = gateway();
        GatewayTransport http = new GatewayTransport(address(gateway), settings)) {
      TrainingRound round = TrainingRound.of(client, http);
      Await.until(
          () -> "an update goes through the gateway\n" + gateway.logTail(),
          PATIENCE,
          () -> isTrained(round));
      VersionCommit commit = clients.awaitVersion(4, app);
      assertEquals(3, commit.getContributions().size());
      assertEquals("client-2", commit.getContributions().get(2).getClient());
    }
  }

  private static TrainedModel trained(double[] numbers) {
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] += 0.25;
    }
    return new TrainedModel(numbers, 1, 12, Map.of());
  }

  /** What the gateway has not read yet is there at the next turn. */
  private static boolean isTrained(TrainingRound round) {
    try {
      return round.run(Duration.ofSeconds(2)) == TrainingRound.Result.TRAINED;
    } catch (IllegalStateException notYet) {
      return false;
    }
  }

  private JavaProcess gateway() {
    return JavaProcess.startApp(
        "gateway",
        deployment.directory(),
        List.of("-Xmx256m"),
        Map.of(),
        List.of("federated", "gateway", "-c", deployment.file(0).toString(), "--port", "0"));
  }

  private static URI address(JavaProcess gateway) {
    String line = gateway.awaitLine("Gateway of ", PATIENCE);
    return URI.create(line.substring(line.indexOf("http://")));
  }
}
