package io.millrace.app.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.ClientStore;
import io.millrace.client.FederatedClient;
import io.millrace.client.GatewayTransport;
import io.millrace.client.OutgoingRecord;
import io.millrace.client.TrainedModel;
import io.millrace.client.TrainingRound;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskShares;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateTask;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Masked rounds of clients that speak HTTP alone, against the stages that a file describes. */
class MaskedGatewayTest {
  private static final int LENGTH = 5;
  private static final int CLIENTS = 3;

  @TempDir private Path directory;
  private final GatewayShelf shelf = new GatewayShelf(1 << 20);
  private final List<OutgoingRecord> sent = new ArrayList<>();
  private GatewayFederation federation;
  private GatewayServer server;

  @BeforeEach
  void start() throws Exception {
    Path key = Files.writeString(directory.resolve("key"), "0123456789abcdef");
    federation =
        new GatewayFederation(
            key,
            "rounds: {policy: masked, target: 3, deadline-millis: 0}, admission: {signed: false}",
            LENGTH,
            shelf);
    server =
        GatewayServer.start(
            "127.0.0.1",
            0,
            new GatewayIntake(
                record -> {
                  sent.add(record);
                  federation.send(record);
                }),
            shelf,
            () -> true);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void clientsOfTheGatewayMaskTheirUpdates() {
    List<TrainingRound> rounds = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      ClientSettings settings =
          ClientSettings.of(GatewayFederation.MODEL, "client-" + client, ClientIdentity.random());
      double step = (client + 1) / 16.0;
      FederatedClient life =
          new FederatedClient(
              settings,
              task -> {
                double[] end = task.start();
                end[2] += step;
                return new TrainedModel(end, 1, 1, Map.of());
              },
              ClientStore.inMemory());
      rounds.add(new TrainingRound(life, new GatewayTransport(server.url(), settings), () -> 0));
    }
    for (int time = 0; time < 8 && version().isEmpty(); time++) {
      rounds.forEach(round -> round.run(Duration.ZERO));
    }
    assertEquals(List.of(), federation.refusals);
    ByteBuffer values = version().orElseThrow().getValues().order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(0, values.getFloat(0));
    assertEquals((1 + 2 + 3) / 16f / 3, values.getFloat(2 * Float.BYTES));
    assertEquals(
        CLIENTS,
        sent.stream()
            .filter(record -> SingleObject.recordName(record.value()).equals("MaskShares"))
            .map(record -> SingleObject.of(MaskShares.class).decode(record.value()))
            .filter(shares -> shares.getTask().getRound() == 0)
            .count());
    assertTrue(sent.stream().allMatch(record -> record.key().startsWith("m")));
  }

  private Optional<ModelChunk> version() {
    return shelf
        .findChunk("m@0000000000000001#000000")
        .map(SingleObject.of(ModelChunk.class)::decode);
  }

  @Test
  void recordsOfMasksAreSentOnceAndNotWithOtherBytes() throws Exception {
    UpdateTask task = new UpdateTask("m", "ada", 8L, 2L, 1L, 9L, 0L, ByteBuffer.wrap(new byte[32]));
    MaskKeys keys =
        new MaskKeys(
            task, ByteBuffer.allocate(32), ByteBuffer.allocate(32), ByteBuffer.allocate(0));
    byte[] body = SingleObject.of(MaskKeys.class).encode(keys);
    sent.clear();
    assertEquals(202, post("models/m/masks", body));
    assertEquals(200, post("models/m/masks", body));
    assertEquals(400, post("models/n/masks", body));
    assertEquals(400, post("models/m/commits", body));
    assertEquals(400, post("models/m/masks", new byte[20]));
    keys.setMaskingKey(ByteBuffer.wrap(new byte[] {1}));
    assertEquals(409, post("models/m/masks", SingleObject.of(MaskKeys.class).encode(keys)));
    MaskShares shares =
        new MaskShares(task, ByteBuffer.allocate(32), List.of(), ByteBuffer.allocate(0));
    assertEquals(202, post("models/m/masks", SingleObject.of(MaskShares.class).encode(shares)));
    assertEquals(400, post("models/m/masks", SingleObject.of(UpdateTask.class).encode(task)));
    assertEquals(2, sent.size());
  }

  private int post(String path, byte[] body) throws Exception {
    URI address = server.url().resolve(path);
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(address)
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofByteArray(body))
                .build(),
            BodyHandlers.discarding())
        .statusCode();
  }
}
