package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.ClientSettings.Choices;
import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.client.TrainingRound.Result;
import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.PackedChunk;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients against the aggregator's own operators, record by record. */
class TrainingRoundTest {
  private static final int CLIENTS = 3;
  private static final int LENGTH = 12;
  private static final int CHUNK = 5;
  private static final int CHUNKS = 3;
  private static final Duration NOW = Duration.ZERO;

  private final Valleys valleys = new Valleys(CLIENTS, LENGTH);
  private final ClientSettings[] settings =
      IntStream.range(0, CLIENTS)
          .mapToObj(
              i ->
                  ClientSettings.of(
                      InMemoryFederation.MODEL, "client-" + i, ClientIdentity.random()))
          .toArray(ClientSettings[]::new);
  private final ClientStore[] stores =
      Stream.generate(ClientStore::inMemory).limit(CLIENTS).toArray(ClientStore[]::new);

  static List<String> codecs() {
    return UpdateCodecs.names();
  }

  /** The version is the parent and the mean of what the payloads unpack to. */
  @ParameterizedTest
  @MethodSource("codecs")
  void updatesOfEveryCodecAreTakenAndSummed(String codec) {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, codec, CLIENTS, 0.02, 1, 1));
    round(federation);
    assertEquals(List.of(), federation.deadLetters);
    VersionCommit commit = federation.versions.get(1L);
    assertEquals(CLIENTS, commit.getContributions().size());
    double[] expected = new double[LENGTH];
    for (UpdateChunk chunk : sentChunks(federation)) {
      int offset = chunk.getChunk() * CHUNK;
      float[] values =
          PackedChunk.unpack(
              chunk.getTask(),
              chunk.getCodec(),
              Escrow.bytes(chunk.getPayload()),
              Math.min(CHUNK, LENGTH - offset));
      for (int i = 0; i < values.length; i++) {
        expected[offset + i] += values[i] / CLIENTS;
      }
    }
    if (!codec.startsWith("count-sketch")) { // the median of sums is not the sum of medians
      assertArrayEquals(expected, federation.newest(), 1e-5);
    }
    assertTrue(Arrays.stream(federation.newest()).anyMatch(x -> x != 0));
  }

  @Test
  void methodsThatRememberAreExact() {
    assertExact(AveragingMethod.SCAFFOLD, "plain", 0.05, 1, 1, 60);
    assertExact(AveragingMethod.SCALLION, "natural", 0.05, 0.5, 1, 100);
    assertExact(AveragingMethod.SCALLION, "random-k-0.5", 0.05, 0.1, 1, 450);
    assertExact(AveragingMethod.SCAFCOM, "top-k-0.4", 0.01, 1, 0.2, 300);
    assertExact(AveragingMethod.EF21, "top-k-0.4", 0.08, 1, 1, 200);
    assertExact(AveragingMethod.EF21, "top-k-0.4", 0.05, 1, 0.5, 250);
    assertExact(AveragingMethod.ECONTROL, "top-k-0.4", 0.08, 1, 1, 300);
    assertExact(AveragingMethod.AFA_CS, "plain", 0.2, 1, 1, 80);
  }

  @Test
  void averagingStallsUnderLocalStepsAndIsExactWithoutThem() {
    double stalled = error(AveragingMethod.FEDAVG, "plain", 0.05, 1, 1, 60);
    assertTrue(stalled > 1e-3 && stalled < 1, "error " + stalled);
    double proximal = error(AveragingMethod.FEDPROX, "plain", 0.05, 1, 1, 60);
    assertTrue(proximal > 1e-3 && proximal < 1, "error " + proximal);
    double gradients = error(AveragingMethod.AFA_CD, "plain", 0.2, 1, 1, 80);
    assertTrue(gradients < 1e-5, "error " + gradients);
    double asynchronous = error(AveragingMethod.FEDASYNC, "plain", 0.002, 1, 1, 30);
    assertTrue(asynchronous < 1, "error " + asynchronous);
  }

  @Test
  void errorFeedbackOfTheClientsOwnChoiceMakesUpForTopK() {
    FederationSettings lossy =
        new FederationSettings(AveragingMethod.FEDAVG, "top-k-0.2", CLIENTS, 0.002, 1, 1);
    InMemoryFederation without = federation(lossy);
    rounds(without, 300);
    for (int i = 0; i < CLIENTS; i++) {
      settings[i] = with(settings[i], new Choices(true, 0, 0));
      stores[i] = ClientStore.inMemory();
    }
    InMemoryFederation with = federation(lossy);
    rounds(with, 300);
    double better = valleys.error(with.newest());
    assertTrue(better < 0.3 * valleys.error(without.newest()), "error " + better);
  }

  @Test
  void anInterruptedUploadGoesOnWithTheSameBytes() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.SCALLION, "natural", 1, 0.02, 0.5, 1));
    AtomicInteger left = new AtomicInteger(2); // the request and one chunk
    FederationTransport broken =
        federation.transport("client-0", record -> left.getAndDecrement() > 0);
    TrainingRound first = round(0, broken, gradients(0));
    assertThrows(IllegalStateException.class, () -> first.run(NOW));
    List<UpdateChunk> before = sentChunks(federation);
    assertEquals(1, before.size());

    AtomicInteger trainings = new AtomicInteger();
    LocalTraining counted =
        task -> {
          trainings.incrementAndGet();
          return gradients(0).train(task);
        };
    TrainingRound second = round(0, federation.transport("client-0"), counted);
    assertEquals(Result.RESUMED, second.run(NOW));
    List<UpdateChunk> after = sentChunks(federation);
    assertEquals(List.of(0, 1, 2), after.stream().map(UpdateChunk::getChunk).toList());
    assertEquals(0, trainings.get());
    assertEquals(List.of(), federation.deadLetters);
    assertEquals(1, federation.versions.get(1L).getContributions().size());
  }

  @Test
  void anUploadThatLacksItsCommitIsFinishedAndCountedOnce() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "qsgd-16", 2, 0.02, 1, 1));
    AtomicInteger left = new AtomicInteger(4); // all but the commit
    FederationTransport broken =
        federation.transport("client-0", record -> left.getAndDecrement() > 0);
    assertThrows(IllegalStateException.class, () -> round(0, broken, gradients(0)).run(NOW));
    assertEquals(Result.RESUMED, round(0, federation.transport("client-0"), gradients(0)).run(NOW));
    List<UpdateChunk> chunks = sentChunks(federation);
    // with the commit alone missing, the aggregator asks for the last chunk
    assertEquals(CHUNKS + 1, chunks.size());
    assertEquals(chunks.get(CHUNKS - 1), chunks.get(CHUNKS));
    assertEquals(1, federation.deadLetters.size());
    round(1, federation.transport("client-1"), gradients(1)).run(NOW);
    assertEquals(2, federation.versions.get(1L).getContributions().size());
  }

  /** Nobody tells a client that a chunk was refused: it seems to be missing for ever. */
  @Test
  void aRefusedUpdateIsNotSentAgainAndAgain() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "plain", 1, 0.02, 1, 1));
    LocalTraining tooFar =
        task -> {
          double[] end = task.start().clone();
          end[7] = 1e7;
          return new TrainedModel(end, 1, 1, Map.of());
        };
    TrainingRound round = round(0, federation.transport("client-0"), tooFar);
    assertEquals(Result.TRAINED, round.run(NOW));
    assertEquals(1, federation.deadLetters.size());
    assertEquals(Result.NO_TASK, round.run(NOW));
    assertEquals(Result.NO_TASK, round.run(NOW));
    assertEquals(CHUNKS, sentChunks(federation).size());
    // another life does not know when it was sent
    assertEquals(Result.RESUMED, round(0, federation.transport("client-0"), tooFar).run(NOW));
    assertEquals(CHUNKS + 1, sentChunks(federation).size());
  }

  @Test
  void repeatableTrainingFinishesAnUpdateWithoutItsStore() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.SCALLION, "natural", 1, 0.02, 0.5, 1));
    rounds(federation, 3, 1);
    AtomicInteger left = new AtomicInteger(3);
    FederationTransport broken =
        federation.transport("client-0", record -> left.getAndDecrement() > 0);
    assertThrows(IllegalStateException.class, () -> round(0, broken, gradients(0)).run(NOW));
    stores[0] = ClientStore.inMemory();
    assertEquals(Result.TRAINED, round(0, federation.transport("client-0"), gradients(0)).run(NOW));
    assertEquals(2, federation.deadLetters.size()); // duplicates, the same digests
    assertEquals(1, federation.versions.get(4L).getContributions().size());
    assertTrue(
        federation.outcomes.stream().allMatch(outcome -> outcome.getOutcome().equals("INCLUDED")));
  }

  @Test
  void trainingThatCannotBeRepeatedGivesABegunTaskUp() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "plain", 1, 0.02, 1, 1));
    LocalTraining other = task -> gradients(0).train(task);
    AtomicInteger left = new AtomicInteger(2);
    FederationTransport broken =
        federation.transport("client-0", record -> left.getAndDecrement() > 0);
    assertThrows(IllegalStateException.class, () -> round(0, broken, other).run(NOW));
    stores[0] = ClientStore.inMemory();
    TrainingRound again = round(0, federation.transport("client-0"), other);
    assertEquals(Result.ABANDONED, again.run(NOW));
    assertEquals(Result.NO_TASK, again.run(NOW));
    assertEquals(1, sentChunks(federation).size());
  }

  @Test
  void aClientThatLostItsMemoryTakesItFromEscrow() {
    FederationSettings scallion =
        new FederationSettings(AveragingMethod.SCALLION, "natural", CLIENTS, 0.02, 0.5, 1);
    InMemoryFederation whole = federation(scallion);
    rounds(whole, 12);
    for (int i = 0; i < CLIENTS; i++) {
      stores[i] = ClientStore.inMemory();
    }
    InMemoryFederation interrupted = federation(scallion);
    rounds(interrupted, 5);
    stores[1] = ClientStore.inMemory();
    rounds(interrupted, 7);
    assertArrayEquals(whole.newest(), interrupted.newest(), 0);
  }

  /** What was remembered of an update that came too late is taken back. */
  @Test
  void aLostUpdateIsTakenBackAndTheRestStaysExact() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.EF21, "top-k-0.4", CLIENTS, 0.08, 1, 1));
    rounds(federation, 20);
    AtomicInteger left = new AtomicInteger(3);
    FederationTransport broken =
        federation.transport("client-2", record -> left.getAndDecrement() > 0);
    assertThrows(IllegalStateException.class, () -> round(2, broken, gradients(2)).run(NOW));
    for (int i = 0; i < 2; i++) {
      round(i, federation.transport("client-" + i), gradients(i)).run(NOW);
    }
    federation.tick(100_000); // closes the round without it
    assertEquals(2, federation.versions.lastEntry().getValue().getContributions().size());
    rounds(federation, 200);
    double error = valleys.error(federation.newest());
    assertTrue(error < 1e-5, "error " + error);
  }

  @Test
  void aCommitUnderAnotherKeyIsRefused() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "plain", 1, 0.02, 1, 1));
    settings[0] = ClientSettings.of(InMemoryFederation.MODEL, "client-0", ClientIdentity.random());
    round(0, federation.transport("client-0"), gradients(0)).run(NOW);
    assertTrue(federation.versions.get(1L) == null);
    assertTrue(
        federation.outcomes.stream().anyMatch(outcome -> outcome.getOutcome().equals("SIGNATURE"))
            || !federation.deadLetters.isEmpty());
  }

  @Test
  void errorsOfEveryLevelAreTold() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "plain", 1, 0.02, 1, 1));
    settings[0] =
        new ClientSettings(
            settings[0].model(),
            settings[0].client(),
            settings[0].identity(),
            Optional.of(federation.definition.getSchemaHash()),
            List.of("plain"),
            Choices.NONE);
    round(0, federation.transport("client-0"), gradients(0)).run(NOW);
    assertEquals(1, federation.versions.get(1L).getContributions().size());
  }

  @Test
  void aTaskForAnotherLayoutIsRefused() {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.FEDAVG, "plain", 1, 0.02, 1, 1));
    settings[0] =
        new ClientSettings(
            settings[0].model(),
            settings[0].client(),
            settings[0].identity(),
            Optional.of(ByteBuffer.allocate(32)),
            List.of(),
            Choices.NONE);
    TrainingRound round = round(0, federation.transport("client-0"), gradients(0));
    assertThrows(IllegalArgumentException.class, () -> round.run(NOW));
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, 1e300})
  void numbersThatCannotTravelLeaveNoTrace(double number) {
    InMemoryFederation federation =
        federation(new FederationSettings(AveragingMethod.SCAFCOM, "plain", 1, 0.02, 1, 0.2));
    rounds(federation, 2, 1);
    byte[] before = stores[0].load().orElseThrow();
    LocalTraining diverged =
        task -> {
          double[] end = task.start().clone();
          end[7] = number;
          return new TrainedModel(end, 1, 1, Map.of());
        };
    TrainingRound round = round(0, federation.transport("client-0"), diverged);
    assertThrows(IllegalArgumentException.class, () -> round.run(NOW));
    ClientState kept = new ClientStateCodec().decode(stores[0].load().orElseThrow());
    ClientState then = new ClientStateCodec().decode(before);
    assertEquals(then.lastSequence(), kept.lastSequence());
    assertArrayEquals(then.remembered().get().memories(), kept.remembered().get().memories());
    assertEquals(Result.TRAINED, round(0, federation.transport("client-0"), gradients(0)).run(NOW));
  }

  private void assertExact(
      AveragingMethod method, String codec, double rate, double alpha, double momentum, int n) {
    double error = error(method, codec, rate, alpha, momentum, n);
    assertTrue(error < 1e-5, method + " ends at " + error);
  }

  private double error(
      AveragingMethod method, String codec, double rate, double alpha, double momentum, int n) {
    Arrays.setAll(stores, i -> ClientStore.inMemory());
    InMemoryFederation federation =
        federation(new FederationSettings(method, codec, CLIENTS, rate, alpha, momentum));
    rounds(federation, n);
    assertEquals(List.of(), federation.deadLetters, method.id());
    return valleys.error(federation.newest());
  }

  private InMemoryFederation federation(FederationSettings chosen) {
    InMemoryFederation federation =
        new InMemoryFederation(chosen.build(), new double[LENGTH], CHUNK);
    for (ClientSettings client : settings) {
      federation.welcome(client);
    }
    return federation;
  }

  private void round(InMemoryFederation federation) {
    rounds(federation, 1);
  }

  private void rounds(InMemoryFederation federation, int count) {
    rounds(federation, count, CLIENTS);
  }

  private void rounds(InMemoryFederation federation, int count, int clients) {
    List<TrainingRound> all = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      all.add(round(i, federation.transport("client-" + i), gradients(i)));
    }
    for (int round = 0; round < count; round++) {
      for (TrainingRound client : all) {
        assertEquals(Result.TRAINED, client.run(NOW), "round " + round);
      }
    }
  }

  private TrainingRound round(int client, FederationTransport transport, LocalTraining training) {
    return new TrainingRound(
        new FederatedClient(settings[client], training, stores[client]), transport, () -> 0);
  }

  private LocalTraining gradients(int client) {
    return LocalTraining.ofGradients(1, random -> valleys.gradient(client));
  }

  private static ClientSettings with(ClientSettings settings, Choices choices) {
    return new ClientSettings(
        settings.model(),
        settings.client(),
        settings.identity(),
        settings.schemaHash(),
        settings.levels(),
        choices);
  }

  private static List<UpdateChunk> sentChunks(InMemoryFederation federation) {
    SingleObject<UpdateChunk> codec = SingleObject.of(UpdateChunk.class);
    return federation.sent.stream()
        .filter(record -> record.channel() == Channel.UPDATES)
        .map(record -> codec.decode(record.value()))
        .toList();
  }
}
