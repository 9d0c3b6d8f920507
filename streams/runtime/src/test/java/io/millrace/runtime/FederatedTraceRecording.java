package io.millrace.runtime;

import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Records the traces of a federated model anew, for {@link TraceRecording}: both stages, each
 * reading what the other writes. Four clients, five rounds: one closed by its deadline without a
 * straggler, one that fails, a roll-back, updates that are damaged, doubled, contested or forged.
 */
final class FederatedTraceRecording {
  private static final String MODEL = FederatedTraceLoop.MODEL;
  private static final int CLIENTS = 4;

  private final FederatedTraceLoop loop =
      new FederatedTraceLoop(Trace.AGGREGATION, Trace.CONTROL, 17);

  private FederatedTraceRecording() {}

  /** The aggregation's trace and the control's. */
  static List<Trace> record() {
    FederatedTraceRecording recording = new FederatedTraceRecording();
    recording.run();
    return recording.loop.traces();
  }

  private void run() {
    loop.publish();
    round(CLIENTS, true);
    round(CLIENTS, false);
    // closed by its deadline without the last one, whose update comes too late
    round(CLIENTS - 1, false);
    loop.tick(61_000);
    update("client-3", loop.offers.get("client-3"), false);
    // fails
    round(1, false);
    loop.tick(130_000);
    loop.order(MODEL, new ModelPointer(MODEL, 2L, "ROLLED_BACK"));
    round(CLIENTS, false);
  }

  /** A round of which so many clients send. */
  private void round(int sending, boolean hostile) {
    for (int client = 0; client < CLIENTS; client++) {
      loop.ask("client-" + client);
    }
    for (int client = 0; client < sending; client++) {
      String name = "client-" + client;
      update(name, loop.offers.get(name), hostile && client < 2);
    }
    if (hostile) {
      contested();
    }
  }

  /** One more of a client whose first chunk is told otherwise: lost, and made again. */
  private void contested() {
    loop.ask("client-0");
    TaskOffer offer = loop.offers.get("client-0");
    for (int copy = 0; copy < 2; copy++) {
      UpdateChunk chunk = chunk(offer, 0, loop.numbers(FederatedTraceLoop.CHUNK_LENGTH));
      loop.send(loop.aggregation, FederatedKeys.chunk(MODEL, 0), chunk);
    }
  }

  private void update(String client, TaskOffer offer, boolean hostile) {
    double squaredNorm = 0;
    List<byte[]> digests = new ArrayList<>();
    float[] update = loop.numbers(FederatedTraceLoop.LENGTH);
    for (int chunk = 0; chunk < FederatedTraceLoop.CHUNKS; chunk++) {
      float[] values = FederatedTraceLoop.part(update, chunk);
      for (float value : values) {
        squaredNorm += (double) value * value;
      }
      UpdateChunk record = chunk(offer, chunk, values);
      digests.add(record.getDigest().array());
      if (hostile) {
        hostile(record);
      }
      loop.send(loop.aggregation, FederatedKeys.chunk(MODEL, chunk), record);
      if (hostile) {
        loop.send(loop.aggregation, FederatedKeys.chunk(MODEL, chunk), record);
      }
    }
    ClientCommit commit =
        new ClientCommit(
            offer.getTask(),
            FederatedTraceLoop.CHUNKS,
            ByteBuffer.wrap(MerkleTree.root(digests)),
            squaredNorm,
            5,
            1,
            List.of(),
            Map.of("loss", 0.25),
            ByteBuffer.allocate(0));
    if (hostile) {
      byte[] value = FederatedTraceLoop.encode(commit);
      loop.send(loop.control, MODEL, Arrays.copyOf(value, value.length - 3));
      ClientCommit forged = SingleObject.of(ClientCommit.class).decode(value);
      forged.getTask().setSequence(77L);
      loop.send(loop.control, MODEL, forged);
    }
    loop.send(loop.control, MODEL, commit);
  }

  private void hostile(UpdateChunk good) {
    String key = FederatedKeys.chunk(MODEL, good.getChunk());
    byte[] value = FederatedTraceLoop.encode(good);
    loop.send(loop.aggregation, key, Arrays.copyOf(value, value.length / 2));
    loop.send(loop.aggregation, MODEL, value);
    UpdateChunk bad = SingleObject.of(UpdateChunk.class).decode(value);
    bad.setPayload(plain(Float.NaN));
    bad.setDigest(ByteBuffer.wrap(Digests.of(bad)));
    loop.send(loop.aggregation, key, bad);
    bad.setPayload(plain(1e6f));
    bad.setDigest(ByteBuffer.wrap(Digests.of(bad)));
    loop.send(loop.aggregation, key, bad);
    bad.getTask().setClient("mallory");
    loop.send(loop.aggregation, key, bad);
    AuthorisedRecord forged =
        loop.authority.authorise(
            "another", FederatedTraceLoop.encode(new RoundTick(MODEL, 1L << 50)));
    loop.send(loop.control, MODEL, forged);
  }

  private static ByteBuffer plain(float value) {
    ByteBuffer payload =
        ByteBuffer.allocate(Float.BYTES * FederatedTraceLoop.CHUNK_LENGTH)
            .order(ByteOrder.LITTLE_ENDIAN);
    payload.putFloat(0, value);
    return payload.order(ByteOrder.BIG_ENDIAN);
  }

  private UpdateChunk chunk(TaskOffer offer, int chunk, float[] values) {
    long seed = offer.getTask().getSeed();
    return loop.chunk(offer, chunk, UpdateCodecs.named(offer.getCodec()).encode(values, seed));
  }
}
