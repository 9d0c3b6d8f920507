package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.ChunkStateCodec;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is to be seen of one client's update, on topics and in states. */
class MaskedSecrecyTest {
  private final MaskedClients clients = new MaskedClients(MaskedClients.masked(Privacy.NONE));

  /**
   * Of an update nobody can see more than masked words: neither in a record that is sent, nor in
   * what a chunk holds of it. The same search finds it where updates travel openly.
   */
  @Test
  void noSingleUpdateIsToBeSeenAnywhere() {
    clients.turns(3, 0, 1, 2, 3);
    assertTrue(clients.sent("ClientCommit").size() >= 3);
    Map<String, byte[]> traces = traces(clients);
    assertEquals(MaskedClients.CHUNKS * 2, traces.size());
    for (int client = 0; client < MaskedClients.COUNT; client++) {
      for (byte[] pattern : patterns(client)) {
        traces.forEach((where, bytes) -> assertFalse(holds(bytes, pattern), where));
      }
    }
    MaskedClients open = new MaskedClients(MaskedClients.open(Privacy.NONE, "plain"));
    open.turns(1, 0, 1);
    int found = 0;
    for (byte[] pattern : patterns(1)) {
      for (byte[] bytes : traces(open).values()) {
        found += holds(bytes, pattern) ? 1 : 0;
      }
    }
    assertEquals(MaskedClients.CHUNKS * 2, found);
    for (OutgoingRecord record : clients.sent("ClientCommit")) {
      ClientCommit commit = SingleObject.of(ClientCommit.class).decode(record.value());
      assertEquals(0, commit.getSquaredNorm());
      assertEquals(List.of(), commit.getCodecErrors());
    }
  }

  /** Payloads as they travelled, and states of chunks, by chunk. */
  private static Map<String, byte[]> traces(MaskedClients some) {
    Map<String, byte[]> traces = new HashMap<>();
    Map<Integer, ByteArrayOutputStream> sent = new HashMap<>();
    for (OutgoingRecord record : some.sent("UpdateChunk")) {
      UpdateChunk chunk = SingleObject.of(UpdateChunk.class).decode(record.value());
      sent.computeIfAbsent(chunk.getChunk(), key -> new ByteArrayOutputStream())
          .writeBytes(Escrow.bytes(chunk.getPayload()));
    }
    sent.forEach((chunk, bytes) -> traces.put("sent " + chunk, bytes.toByteArray()));
    ChunkStateCodec codec = new ChunkStateCodec();
    some.federation.chunkStates.forEach(
        (key, state) -> {
          ByteArrayOutputStream all = new ByteArrayOutputStream();
          for (int section = 0; section < codec.sections(); section++) {
            all.writeBytes(codec.encode(state, section));
          }
          traces.put("state " + key, all.toByteArray());
        });
    return traces;
  }

  /** Three numbers of each chunk, as floats and as terms of the sum. */
  private static List<byte[]> patterns(int client) {
    float[] update = MaskedClients.update(client);
    long[] terms = MaskedClients.terms(client);
    List<byte[]> patterns = new ArrayList<>();
    for (int chunk = 0; chunk < MaskedClients.CHUNKS; chunk++) {
      ByteBuffer floats = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer words = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 7; i < 10; i++) {
        floats.putFloat(update[chunk * MaskedClients.CHUNK + i]);
        words.putInt((int) terms[chunk * MaskedClients.CHUNK + i]);
      }
      patterns.add(floats.array());
      patterns.add(words.array());
    }
    return patterns;
  }

  private static boolean holds(byte[] bytes, byte[] pattern) {
    for (int i = 0; i + pattern.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + pattern.length, pattern, 0, pattern.length)) {
        return true;
      }
    }
    return false;
  }
}
