package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;

/** Whose records count in masked rounds, where clients sign and where they know each other. */
class MaskedTrustTest {
  private final MaskedClients clients = new MaskedClients(MaskedClients.masked(Privacy.NONE));
  private final InMemoryFederation federation = clients.federation;

  /** Before each record of a client, the same comes unsigned, changed, and signed by another. */
  @Test
  void recordsThatTheirClientDidNotSignAreRefusedAndChangeNothing() {
    int[] forged = new int[3];
    clients.start(
        1,
        record -> {
          boolean first = !federation.versions.containsKey(1L);
          switch (first ? SingleObject.recordName(record.value()) : "of another round") {
            case "MaskKeys" -> forged[0] += forgeKeys(record);
            case "MaskShares" -> forged[1] += forgeShares(record);
            case "MaskReveal" -> forged[2] += forgeReveal(record);
            default -> {}
          }
          return true;
        });
    for (int time = 0; time < 6 && !federation.versions.containsKey(1L); time++) {
      clients.turns(1, 1, 0, 2, 3);
    }
    assertArrayEquals(new int[] {4, 4, 4}, forged);
    assertArrayEquals(MaskedClients.mean(0, 1, 2, 3), federation.version(1), 0);
    assertEquals(12, federation.deadLetters.size());
    for (InvalidInputException refused : federation.deadLetters) {
      assertEquals(Reason.UNAUTHORISED, refused.reason(), refused.getMessage());
      assertTrue(refused.getMessage().contains("client-1"), refused.getMessage());
    }
  }

  private int forgeKeys(OutgoingRecord record) {
    SingleObject<MaskKeys> codec = SingleObject.of(MaskKeys.class);
    MaskKeys keys = codec.decode(record.value());
    keys.setMaskingKey(keys.getSealingKey());
    send(keys);
    MaskKeys other = codec.decode(record.value());
    other.setSignature(signature(clients.settings[0], record.value()));
    send(other);
    other.setSignature(ByteBuffer.allocate(0));
    send(other);
    other.setSignature(ByteBuffer.allocate(64));
    send(other);
    return 4;
  }

  private int forgeShares(OutgoingRecord record) {
    SingleObject<MaskShares> codec = SingleObject.of(MaskShares.class);
    MaskShares shares = codec.decode(record.value());
    shares.getShares().get(0).setSeedDigest(ByteBuffer.allocate(32));
    send(shares);
    MaskShares other = codec.decode(record.value());
    other.setSignature(signature(clients.settings[0], record.value()));
    send(other);
    other.setSignature(ByteBuffer.allocate(0));
    send(other);
    other.setSignature(ByteBuffer.allocate(64));
    send(other);
    return 4;
  }

  private int forgeReveal(OutgoingRecord record) {
    SingleObject<MaskReveal> codec = SingleObject.of(MaskReveal.class);
    MaskReveal reveal = codec.decode(record.value());
    reveal.getShares().remove(0);
    send(reveal);
    MaskReveal other = codec.decode(record.value());
    other.setSignature(signature(clients.settings[0], record.value()));
    send(other);
    other.setSignature(ByteBuffer.allocate(0));
    send(other);
    other.setSignature(ByteBuffer.allocate(64));
    send(other);
    return 4;
  }

  /** A signature of somebody else who is known. */
  private static ByteBuffer signature(ClientSettings signer, byte[] message) {
    return ByteBuffer.wrap(signer.identity().sign(message));
  }

  private <T extends SpecificRecord> void send(T record) {
    @SuppressWarnings("unchecked")
    Class<T> type = (Class<T>) record.getClass();
    federation.send(
        new OutgoingRecord(
            Channel.CONTROL, InMemoryFederation.MODEL, -1, SingleObject.of(type).encode(record)));
  }

  /** Its keys are refused, so that nobody masks with it: the others' sum is of three. */
  @Test
  void aClientWithAnotherKeyThanItsOwnTakesNoPart() {
    clients.settings[3] =
        ClientSettings.of(InMemoryFederation.MODEL, MaskedClients.name(3), ClientIdentity.random());
    clients.start(3, record -> true);
    clients.turns(1, 3, 0, 1, 2);
    assertEquals(1, federation.deadLetters.size());
    assertEquals(Reason.UNAUTHORISED, federation.deadLetters.get(0).reason());
    clients.pass();
    clients.turns(4, 0, 1, 2);
    assertArrayEquals(MaskedClients.mean(0, 1, 2), federation.version(1), 0);
  }

  /** An aggregator that would slip in a member of its own finds nobody who masks with it. */
  @Test
  void clientsThatKnowTheirPeersMaskWithNobodyElse() {
    Map<String, ByteBuffer> all = new HashMap<>();
    for (ClientSettings settings : clients.settings) {
      all.put(settings.client(), ByteBuffer.wrap(settings.identity().publicKey()));
    }
    Map<String, ByteBuffer> fewer = new HashMap<>(all);
    fewer.remove("client-2");
    Map<String, ByteBuffer> swapped = new HashMap<>(all);
    swapped.put("client-2", all.get("client-3"));
    clients.choose(0, new MaskChoices(true, 3, all));
    clients.choose(1, new MaskChoices(true, 3, fewer));
    clients.choose(3, new MaskChoices(true, 3, swapped));
    clients.turns(2, 0, 1, 2, 3);
    assertEquals("", clients.lives[0].masks().refusal());
    for (int client : new int[] {1, 3}) {
      assertEquals(
          "keys of client-2 are not signed by it", clients.lives[client].masks().refusal());
    }
    assertEquals(
        List.of("client-0", "client-2"),
        clients.sent("MaskShares").stream()
            .map(
                record ->
                    SingleObject.of(MaskShares.class).decode(record.value()).getTask().getClient())
            .toList());
    assertFalse(federation.versions.containsKey(1L));
  }
}
