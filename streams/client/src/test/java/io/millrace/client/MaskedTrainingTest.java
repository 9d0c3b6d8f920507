package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.client.TrainingRound.Result;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedOutput;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.schema.Contribution;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Secure aggregation with the client library, through both operators, record by record. */
class MaskedTrainingTest {
  /** What a client that was killed may send once more, perhaps when its round is over. */
  private static final EnumSet<Reason> SENT_TWICE =
      EnumSet.of(Reason.DUPLICATE, Reason.LATE, Reason.ENDED);

  private final MaskedClients clients = new MaskedClients(MaskedClients.masked(Privacy.NONE));
  private final InMemoryFederation federation = clients.federation;

  @Test
  void theVersionIsTheFixedPointSumOfAllBitForBit() {
    clients.turns(5, 0, 1, 2, 3);
    assertEquals(List.of(), federation.deadLetters);
    assertArrayEquals(MaskedClients.mean(0, 1, 2, 3), version(1), 0);
    // and the next round begins anew
    clients.turns(5, 0, 1, 2, 3);
    assertEquals(4, federation.versions.get(2L).getContributions().size());
    assertEquals(List.of(), federation.deadLetters);
  }

  /**
   * It has masked its update, sent a part of it, and is gone: its masks are found and taken out.
   */
  @Test
  void aClientThatDropsOutAfterMaskingIsRecoveredFrom() {
    dropOut(3);
    assertEquals(List.of("client-0", "client-1", "client-2"), contributors(1));
    assertArrayEquals(MaskedClients.mean(0, 1, 2), version(1), 0);
    assertEquals(List.of(), federation.deadLetters);
  }

  /** The client is gone after two of its chunks; the others end the round. */
  private void dropOut(int client) {
    AtomicInteger chunks = new AtomicInteger(2);
    clients.start(
        client, record -> record.channel() == Channel.CONTROL || chunks.getAndDecrement() > 0);
    int[] others = others(client);
    for (int time = 0; time < 4; time++) {
      clients.turns(1, others);
      if (chunks.get() == 2) {
        turnOrCrash(client);
      }
    }
    assertTrue(chunks.get() < 0, "it masked and sent");
    clients.pass();
    clients.turns(2, others);
  }

  private static int[] others(int client) {
    return IntStream.range(0, MaskedClients.COUNT).filter(i -> i != client).toArray();
  }

  /** A survivor that never reveals: the others' shares are enough. */
  @Test
  void aSurvivorThatVanishesIsNotNeeded() {
    clients.start(1, record -> !SingleObject.recordName(record.value()).equals("MaskReveal"));
    for (int time = 0; time < 6; time++) {
      clients.turns(1, 0, 2, 3);
      turnOrCrash(1);
    }
    assertArrayEquals(MaskedClients.mean(0, 1, 2, 3), version(1), 0);
  }

  /**
   * Killed before any of its records, and begun again with its store, a client is still counted.
   */
  @Test
  void aClientThatIsKilledAnywhereGoesOnWhereItWas() {
    int border = 0;
    boolean killed = true;
    for (; killed; border++) {
      MaskedClients run = new MaskedClients(MaskedClients.masked(Privacy.NONE));
      AtomicInteger left = new AtomicInteger(border);
      run.start(1, record -> left.getAndDecrement() > 0);
      killed = false;
      for (int time = 0; time < 8; time++) {
        if (time < 5 || killed) {
          run.turns(1, 0, 2, 3);
        }
        try {
          run.turn(1);
        } catch (IllegalStateException down) {
          killed = true;
          run.start(1, record -> true);
        }
        if (!run.federation.versions.containsKey(1L)) {
          continue;
        }
        break;
      }
      String context = "killed before record " + border;
      run.federation.deadLetters.forEach(
          refused ->
              assertTrue(SENT_TWICE.contains(refused.reason()), context + refused.getMessage()));
      assertTrue(run.federation.deadLetters.size() <= MaskedClients.CHUNKS + 1, context);
      assertArrayEquals(MaskedClients.mean(0, 1, 2, 3), version(run, 1), 0, context);
    }
    assertTrue(border > 8, "records of the client: " + border);
  }

  @Test
  void aClientThatLostItsSecretsStaysOutOfTheRound() {
    clients.turns(1, 0, 1, 2, 3); // keys of all, and shares of the last
    clients.stores[1] = ClientStore.inMemory();
    clients.start(1, record -> true);
    clients.turns(2, 1, 0, 2, 3);
    InvalidInputException refused = federation.deadLetters.get(0);
    assertEquals(Reason.INCONSISTENT, refused.reason(), refused.getMessage());
    assertEquals(1, federation.deadLetters.size());
    clients.pass();
    clients.turns(3, 1, 0, 2, 3);
    assertEquals(List.of("client-0", "client-2", "client-3"), contributors(1));
    assertArrayEquals(MaskedClients.mean(0, 2, 3), version(1), 0);
    // and is back in the next
    clients.turns(4, 0, 1, 2, 3);
    assertEquals(4, federation.versions.get(2L).getContributions().size());
  }

  @Test
  void anUpdateThatWasBegunWithoutItsSecretsIsGivenUp() {
    AtomicInteger chunks = new AtomicInteger(1);
    clients.start(1, record -> record.channel() == Channel.CONTROL || chunks.getAndDecrement() > 0);
    for (int time = 0; time < 3; time++) {
      clients.turns(1, 0, 2, 3);
      turnOrCrash(1);
    }
    clients.stores[1] = ClientStore.inMemory();
    clients.start(1, record -> true);
    assertEquals(Result.ABANDONED, clients.turn(1));
  }

  @Test
  void valuesBeyondTheLargestAreNeverMasked() {
    MaskedClients wild = new MaskedClients(MaskedClients.masked(new Privacy(0.1, 0, 0, 1e-5, 0)));
    wild.turns(5, 0, 1, 2, 3);
    double norm = Math.sqrt(Arrays.stream(version(wild, 1)).map(x -> x * x).sum());
    assertTrue(norm > 0.01 && norm <= 0.1 + 1e-6, "clipped to the task's length: " + norm);
    clients.lives[0] =
        new FederatedClient(
            clients.settings[0],
            task -> {
              double[] end = task.start();
              end[5] = 2 * MaskedClients.LARGEST;
              return new TrainedModel(end, 1, 1, Map.of());
            },
            clients.stores[0]);
    TrainingRound large =
        new TrainingRound(clients.lives[0], federation.transport("client-0"), () -> 0);
    large.run(Duration.ZERO);
    clients.turns(2, 1, 2, 3);
    assertThrows(IllegalArgumentException.class, () -> large.run(Duration.ZERO));
    assertTrue(
        clients.sent("UpdateChunk").stream()
            .map(record -> SingleObject.of(UpdateChunk.class).decode(record.value()))
            .noneMatch(chunk -> chunk.getTask().getClient().equals("client-0")));
  }

  @Test
  void aClientThatAsksForMasksTakesNoOpenTask() {
    MaskedClients open = new MaskedClients(MaskedClients.open(Privacy.NONE, "plain"));
    open.choose(0, new MaskChoices(true, 3, Map.of()));
    assertThrows(IllegalArgumentException.class, () -> open.turn(0));
    assertEquals(List.of(), open.sent("UpdateChunk"));
    assertEquals(Result.TRAINED, open.turn(1));
  }

  @Test
  void aClientMasksWithFewerThanItAsksForByNoMeans() {
    clients.choose(0, new MaskChoices(true, 5, Map.of()));
    clients.turns(2, 0, 1, 2, 3);
    String refusal = clients.lives[0].masks().refusal();
    assertTrue(refusal.contains("members of a cohort is 4, expected 5"), refusal);
    clients.pass();
    clients.turns(3, 0, 1, 2, 3);
    assertEquals(List.of("client-1", "client-2", "client-3"), contributors(1));
  }

  /** A server that tells one client another story than before gets no second answer. */
  @Test
  void recordsThatContradictEarlierOnesChangeNothing() {
    clients.turns(3, 0, 1, 2, 3);
    MaskCohort cohort = ((FederatedOutput.Cohort) federation.maskRecords.get(0)).cohort();
    MaskSurvivors survivors =
        federation.maskRecords.stream()
            .filter(FederatedOutput.Survivors.class::isInstance)
            .map(record -> ((FederatedOutput.Survivors) record).survivors())
            .findFirst()
            .orElseThrow();
    ClientMasks masks = clients.lives[0].masks();
    assertTrue(masks.isOpen());
    byte[] before = clients.stores[0].load().orElseThrow();
    MaskCohort other =
        new MaskCohort(
            cohort.getModel(),
            cohort.getRound(),
            cohort.getMembers(),
            cohort.getThreshold() + 1,
            cohort.getNeighbours(),
            cohort.getSeed(),
            cohort.getLargest(),
            cohort.getTotalWeight(),
            cohort.getLargestWeight());
    masks.accept(other);
    assertEquals("a second cohort was named in a round", masks.refusal());
    masks.accept(new MaskDelivery(cohort.getModel(), 0L, "client-0", List.of(0, 1, 2), List.of()));
    assertEquals("other dealers were named in a round", masks.refusal());
    masks.accept(cohort); // twice is nothing new
    masks.accept(new MaskSurvivors("another", 0L, List.of(0, 1, 2)));
    masks.accept(new MaskSurvivors(cohort.getModel(), 7L, List.of(0, 1, 2)));
    assertArrayEquals(before, clients.stores[0].load().orElseThrow());
    assertEquals(List.of(), masks.answers());
    masks.accept(survivors);
    assertEquals(1, masks.answers().size());
    OutgoingRecord answer = masks.answers().get(0);
    masks.accept(new MaskSurvivors(cohort.getModel(), 0L, List.of(0, 1, 2)));
    assertEquals("other survivors were named in a round", masks.refusal());
    assertArrayEquals(answer.value(), masks.answers().get(0).value());
  }

  private void turnOrCrash(int client) {
    try {
      clients.turn(client);
    } catch (IllegalStateException down) {
      // stays away
    }
  }

  private List<String> contributors(long version) {
    return federation.versions.get(version).getContributions().stream()
        .map(Contribution::getClient)
        .toList();
  }

  private double[] version(long version) {
    return version(clients, version);
  }

  private static double[] version(MaskedClients some, long version) {
    return some.federation.version(version);
  }
}
