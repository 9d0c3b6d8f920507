package io.millrace.runtime;

import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MaskingClient;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Records the traces of masked rounds anew, for {@link TraceRecording}: one round with everybody,
 * one whose last client vanishes amid its upload, one that too few finish; forged and damaged
 * records of masks between.
 */
final class MaskedTraceRecording {
  private static final String MODEL = FederatedTraceLoop.MODEL;
  private static final int CLIENTS = 4;
  private static final int LARGEST_WEIGHT = 3;

  private final FederatedTraceLoop loop =
      new FederatedTraceLoop(Trace.MASKED_AGGREGATION, Trace.MASKED_CONTROL, 23);
  private final Random secrets = new Random(31);
  private final Map<String, MaskingClient> clients = new TreeMap<>();

  private MaskedTraceRecording() {}

  /** The aggregation's trace and the control's. */
  static List<Trace> record() {
    MaskedTraceRecording recording = new MaskedTraceRecording();
    recording.run();
    return recording.loop.traces();
  }

  private void run() {
    loop.publish();
    agree();
    upload(CLIENTS);
    reveal(CLIENTS, true);
    agree();
    upload(CLIENTS - 1);
    UpdateChunk lost = masked(name(CLIENTS - 1), 0, loop.numbers(FederatedTraceLoop.LENGTH));
    send(lost);
    loop.tick(61_000);
    reveal(CLIENTS - 1, false);
    send(lost);
    agree();
    upload(1);
    loop.tick(130_000);
  }

  private static String name(int client) {
    return "client-" + client;
  }

  /** Keys, and shares of what each would need if it vanished. */
  private void agree() {
    for (int client = 0; client < CLIENTS; client++) {
      loop.ask(name(client));
      byte[] secret = new byte[32];
      secrets.nextBytes(secret);
      TaskOffer offer = loop.offers.get(name(client));
      clients.put(name(client), new MaskingClient(offer.getTask(), 3, secret));
    }
    for (MaskingClient client : clients.values()) {
      loop.send(loop.control, MODEL, client.keys());
    }
    for (MaskingClient client : clients.values()) {
      byte[] shares = FederatedTraceLoop.encode(client.join(loop.cohort, member -> true));
      loop.send(loop.control, MODEL, Arrays.copyOf(shares, shares.length / 2));
      loop.send(loop.control, MODEL, shares);
    }
    clients.forEach((name, client) -> client.receive(loop.deliveries.get(name)));
  }

  /** So many clients send all that they have. */
  private void upload(int sending) {
    for (int client = 0; client < sending; client++) {
      float[] update = loop.numbers(FederatedTraceLoop.LENGTH);
      List<byte[]> digests = new ArrayList<>();
      for (int chunk = 0; chunk < FederatedTraceLoop.CHUNKS; chunk++) {
        UpdateChunk record = masked(name(client), chunk, update);
        digests.add(record.getDigest().array());
        send(record);
      }
      ClientCommit commit =
          new ClientCommit(
              loop.offers.get(name(client)).getTask(),
              FederatedTraceLoop.CHUNKS,
              ByteBuffer.wrap(MerkleTree.root(digests)),
              0.0,
              5,
              1,
              List.of(),
              Map.of("loss", 0.25),
              ByteBuffer.allocate(0));
      loop.send(loop.control, MODEL, commit);
    }
  }

  private UpdateChunk masked(String client, int chunk, float[] update) {
    float[] values = FederatedTraceLoop.part(update, chunk);
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.max(-1, Math.min(1, values[i]));
    }
    byte[] payload = clients.get(client).mask(chunk, values, LARGEST_WEIGHT);
    return loop.chunk(loop.offers.get(client), chunk, payload);
  }

  private void send(UpdateChunk record) {
    loop.send(loop.aggregation, FederatedKeys.chunk(MODEL, record.getChunk()), record);
  }

  private void reveal(int survivors, boolean hostile) {
    for (int client = 0; client < survivors; client++) {
      MaskReveal reveal = clients.get(name(client)).reveal(loop.survivors);
      if (hostile) {
        MaskReveal forged =
            SingleObject.of(MaskReveal.class).decode(FederatedTraceLoop.encode(reveal));
        forged.getTask().setClient("mallory");
        loop.send(loop.control, MODEL, forged);
      }
      loop.send(loop.control, MODEL, reveal);
    }
  }
}
