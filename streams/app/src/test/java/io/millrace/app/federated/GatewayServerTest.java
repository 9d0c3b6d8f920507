package io.millrace.app.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.federated.GatewayShelf.Kind;
import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.ClientStore;
import io.millrace.client.FederatedClient;
import io.millrace.client.GatewayTransport;
import io.millrace.client.LocalTraining;
import io.millrace.client.OutgoingRecord;
import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.client.TrainingRound;
import io.millrace.operator.federated.Digests;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the gateway takes and gives, over real HTTP. */
class GatewayServerTest {
  private static final String BYTES = "application/octet-stream";

  private final HttpClient client = HttpClient.newHttpClient();
  private final List<OutgoingRecord> sent = new CopyOnWriteArrayList<>();
  private final GatewayShelf shelf = new GatewayShelf(1000);
  private volatile boolean ready = true;
  private volatile boolean broken;
  private final GatewayServer server =
      GatewayServer.start("127.0.0.1", 0, new GatewayIntake(this::sink), shelf, () -> ready);

  private void sink(OutgoingRecord record) {
    if (broken) {
      throw new IllegalStateException("record could not be sent: no broker");
    }
    sent.add(record);
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void sendsEachRecordUnderItsKey() throws Exception {
    byte[] request = SingleObject.of(TaskRequest.class).encode(new TaskRequest("m", "ada", 1L));
    assertEquals(202, post("/models/m/requests", request));
    assertEquals(202, post("/models/m/requests", request)); // asking again is how to resume
    byte[] chunk = frame(chunk(0));
    assertEquals(202, post("/models/m/chunks/3", chunk));
    byte[] commit = SingleObject.of(ClientCommit.class).encode(commit(0.5));
    assertEquals(202, post("/models/m/commits", commit));

    assertEquals(
        List.of("m", "m", "m/000003", "m"), sent.stream().map(OutgoingRecord::key).toList());
    assertEquals(Channel.UPDATES, sent.get(2).channel());
    assertEquals(3, sent.get(2).chunk());
    assertArrayEquals(chunk, sent.get(2).value());
    assertEquals(Channel.CONTROL, sent.get(3).channel());
    assertArrayEquals(commit, sent.get(3).value());
  }

  @Test
  void aTaskIsTheKeyOfIdempotence() throws Exception {
    assertEquals(202, post("/models/m/chunks/3", frame(chunk(0))));
    assertEquals(200, post("/models/m/chunks/3", frame(chunk(0))));
    assertEquals(409, post("/models/m/chunks/3", frame(chunk(1))));
    byte[] commit = SingleObject.of(ClientCommit.class).encode(commit(0.5));
    assertEquals(202, post("/models/m/commits", commit));
    assertEquals(200, post("/models/m/commits", commit));
    byte[] other = SingleObject.of(ClientCommit.class).encode(commit(0.6));
    assertEquals(409, post("/models/m/commits", other));
    assertEquals(2, sent.size());
  }

  @Test
  void whatKafkaDidNotTakeMayComeAgain() throws Exception {
    broken = true;
    assertEquals(502, post("/models/m/chunks/3", frame(chunk(0))));
    broken = false;
    assertEquals(202, post("/models/m/chunks/3", frame(chunk(0))));
    assertEquals(1, sent.size());
  }

  @Test
  void recordsThatAreNoneAreRefused() throws Exception {
    assertEquals(400, post("/models/m/chunks/3", new byte[0]));
    assertEquals(400, post("/models/m/chunks/3", new byte[] {1, 2, 3}));
    assertEquals(400, post("/models/m/chunks/2", frame(chunk(0))));
    assertEquals(400, post("/models/other/chunks/3", frame(chunk(0))));
    assertEquals(400, post("/models/m/chunks/1000000", frame(chunk(0))));
    assertEquals(400, post("/models/m/chunks/x", frame(chunk(0))));
    assertEquals(400, post("/models/m/requests", frame(chunk(0))));
    assertEquals(400, post("/models/m/commits", frame(chunk(0))));
    UpdateChunk changed = chunk(0);
    changed.setCodec("sign");
    assertEquals(400, post("/models/m/chunks/3", frame(changed)), "digest");
    UpdateChunk negative = chunk(0);
    negative.setChunk(-1);
    assertEquals(400, post("/models/m/chunks/3", frame(negative)));
    UpdateChunk unnamed = chunk(0);
    unnamed.getTask().setClient("../ada");
    assertEquals(400, post("/models/m/chunks/3", frame(unnamed)));
    byte[] cut = frame(chunk(0));
    assertEquals(400, post("/models/m/chunks/3", Arrays.copyOf(cut, cut.length - 5)));
    assertEquals(404, post("/models/m/anything", frame(chunk(0))));
    assertEquals(415, post("/models/m/chunks/3", frame(chunk(0)), "text/plain"));
    assertEquals(List.of(), sent);
  }

  @Test
  void aBodyBeyondTheBoundIsRefused() throws Exception {
    assertEquals(413, post("/models/m/chunks/3", new byte[GatewayServer.MAXIMUM_BODY_BYTES + 1]));
    assertEquals(List.of(), sent);
  }

  @Test
  void givesWhatClientsReadAndNothingElse() throws Exception {
    shelf.take(Kind.TASK, "m/ada", new byte[] {1});
    shelf.take(Kind.MEMORY, "m/ada/000002", new byte[] {2});
    shelf.take(Kind.VERSION, "m@0000000000000004", new byte[] {3});
    shelf.take(Kind.VERSION, "m/plan", new byte[] {4});
    shelf.takeChunk("m@0000000000000004#000001", new byte[] {5});
    shelf.take(Kind.OUTCOME, "m/ada", new byte[] {6});
    assertArrayEquals(new byte[] {1}, get("/models/m/clients/ada/offer").body());
    assertArrayEquals(new byte[] {6}, get("/models/m/clients/ada/outcome").body());
    assertEquals(404, get("/models/m/clients/plan/offer").statusCode()); // the plan is no client
    assertArrayEquals(new byte[] {2}, get("/models/m/clients/ada/memories/2").body());
    assertArrayEquals(new byte[] {3}, get("/models/m/versions/4").body());
    assertArrayEquals(new byte[] {4}, get("/models/m/plan").body());
    assertArrayEquals(new byte[] {5}, get("/models/m/versions/4/chunks/1").body());
    for (String path :
        List.of(
            "/",
            "/models/m/clients/bob/offer",
            "/models/m/versions/5",
            "/models/m/versions/4/chunks/0",
            "/models/n/versions/4")) {
      assertEquals(404, get(path).statusCode(), path);
    }
    for (String path :
        List.of(
            "/models/m/versions/-1",
            "/models/m/versions/99999999999999999",
            "/models/m/clients/a%2Fb/offer",
            "/models/m/versions/4/chunks/1000000")) {
      assertEquals(400, get(path).statusCode(), path);
    }
    shelf.take(Kind.TASK, "m/ada", new byte[0]);
    assertEquals(404, get("/models/m/clients/ada/offer").statusCode());
  }

  @Test
  void theOldestVersionsOfAnyModelGoFirst() {
    for (int version = 1; version <= 4; version++) {
      shelf.takeChunk("a@000000000000000" + version + "#000000", new byte[200]);
      shelf.takeChunk("z@000000000000000" + version + "#000000", new byte[200]);
    }
    assertTrue(shelf.findChunk("a@0000000000000001#000000").isEmpty());
    assertTrue(shelf.findChunk("z@0000000000000001#000000").isEmpty());
    assertTrue(shelf.findChunk("a@0000000000000004#000000").isPresent());
    assertTrue(shelf.findChunk("z@0000000000000004#000000").isPresent());
    shelf.takeChunk("a@0000000000000005#000000", new byte[5000]);
    assertTrue(shelf.findChunk("a@0000000000000005#000000").isEmpty());
    shelf.takeChunk("a@0000000000000006#000000", new byte[1000]);
    assertTrue(shelf.findChunk("a@0000000000000006#000000").isPresent());
  }

  /** A client of the library: a task, its model and an update, all by way of the gateway. */
  @Test
  void aClientTrainsThroughTheGateway() throws Exception {
    ByteBuffer values = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putDouble(3);
    ModelChunk model =
        new ModelChunk(
            "m",
            0L,
            0,
            1,
            ByteBuffer.wrap(new byte[32]),
            8,
            values.rewind(),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    model.setDigest(ByteBuffer.wrap(Digests.of(model)));
    VersionCommit commit =
        new VersionCommit(
            "m",
            0L,
            -1L,
            -1L,
            List.of(model.getDigest()),
            List.of(),
            List.of(),
            "fedavg",
            ByteBuffer.wrap(new byte[32]),
            0.0,
            0.0,
            Map.of(),
            0L,
            0L,
            ByteBuffer.allocate(0));
    commit.setLineage(ByteBuffer.wrap(Digests.lineage(commit, ByteBuffer.allocate(0))));
    UpdateTask task = task();
    task.setBaseVersion(0L);
    TaskOffer offer =
        new TaskOffer(
            task,
            1,
            ByteBuffer.wrap(new byte[32]),
            "plain",
            -1L,
            List.of(),
            "fedavg",
            Map.of("local-steps", 1.0, "local-rate", 0.5),
            List.of());
    shelf.take(Kind.TASK, "m/ada", SingleObject.of(TaskOffer.class).encode(offer));
    shelf.take(
        Kind.VERSION, "m@0000000000000000", SingleObject.of(VersionCommit.class).encode(commit));
    shelf.takeChunk("m@0000000000000000#000000", SingleObject.of(ModelChunk.class).encode(model));

    FederatedClient trained =
        new FederatedClient(
            ClientSettings.of("m", "ada", ClientIdentity.random()),
            LocalTraining.ofGradients(
                5, random -> (x, out) -> System.arraycopy(new double[] {2, -4}, 0, out, 0, 2)),
            ClientStore.inMemory());
    try (GatewayTransport transport = new GatewayTransport(server.url(), trained.settings())) {
      TrainingRound round = new TrainingRound(trained, transport, () -> 0);
      assertEquals(TrainingRound.Result.TRAINED, round.run(Duration.ZERO));
      assertEquals(TrainingRound.Result.NO_TASK, round.run(Duration.ZERO));
    }
    assertEquals(
        List.of("m", "m/000000", "m", "m"), sent.stream().map(OutgoingRecord::key).toList());
    UpdateChunk update = SingleObject.of(UpdateChunk.class).decode(sent.get(1).value());
    ByteBuffer payload = update.getPayload().order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(-1, payload.getFloat(0));
    assertEquals(2, payload.getFloat(4));
  }

  @Test
  void tellsWhenItIsReadyAndGivesNothingOldBeforeThat() throws Exception {
    ready = false;
    assertEquals(200, get("/healthz").statusCode());
    assertEquals(503, get("/readyz").statusCode());
    assertEquals(503, get("/models/m/plan").statusCode());
    ready = true;
    assertEquals(200, get("/readyz").statusCode());
    assertEquals(404, get("/models/m/plan").statusCode());
  }

  @Test
  void onLoopbackItAnswersToLoopbackNamesOnly() throws Exception {
    assertTrue(answerTo("localhost").contains(" 200 "));
    assertTrue(answerTo("evil.example").contains(" 421 "));
  }

  private String answerTo(String host) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.url().getPort())) {
      String request = "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
          .readLine();
    }
  }

  private int post(String path, byte[] body) throws Exception {
    return post(path, body, BYTES);
  }

  private int post(String path, byte[] body, String type) throws Exception {
    return client
        .send(
            HttpRequest.newBuilder(server.url().resolve(path))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofByteArray(body))
                .build(),
            BodyHandlers.ofString())
        .statusCode();
  }

  private HttpResponse<byte[]> get(String path) throws Exception {
    return client.send(
        HttpRequest.newBuilder(server.url().resolve(path)).build(), BodyHandlers.ofByteArray());
  }

  private static byte[] frame(UpdateChunk chunk) {
    return SingleObject.of(UpdateChunk.class).encode(chunk);
  }

  private static UpdateChunk chunk(int content) {
    UpdateChunk chunk =
        new UpdateChunk(
            task(),
            3,
            5,
            ByteBuffer.wrap(new byte[32]),
            "plain",
            ByteBuffer.wrap(new byte[] {(byte) content}),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
    return chunk;
  }

  private static ClientCommit commit(double squaredNorm) {
    return new ClientCommit(
        task(),
        5,
        ByteBuffer.wrap(new byte[32]),
        squaredNorm,
        10,
        1,
        List.of(),
        Map.of(),
        ByteBuffer.wrap(new byte[64]));
  }

  private static UpdateTask task() {
    return new UpdateTask("m", "ada", 8L, 2L, 1L, 9L, 0L, ByteBuffer.wrap(new byte[32]));
  }
}
