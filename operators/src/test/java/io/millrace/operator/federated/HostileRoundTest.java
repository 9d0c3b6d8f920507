package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad records: each is refused with its reason, and all of them together leave no trace. */
class HostileRoundTest {
  private static final int CHUNKS = 3;
  private static final long SEED = 20_261_122L;
  private static final int HOSTILE = 10_000;
  private static final ByteBuffer SHORT = ByteBuffer.allocate(31);

  private record Fault<T>(String name, Reason reason, Consumer<T> plant) {}

  private static <T> Fault<T> fault(String name, Reason reason, Consumer<T> plant) {
    return new Fault<>(name, reason, plant);
  }

  private static List<Fault<ClientCommit>> commits() {
    return List.of(
        fault("another model", Reason.BAD_KEY, commit -> commit.getTask().setModel("x")),
        fault("another client", Reason.UNAUTHORISED, commit -> commit.getTask().setClient("eve")),
        fault("another task", Reason.UNAUTHORISED, commit -> commit.getTask().setSequence(5L)),
        fault("another base", Reason.UNAUTHORISED, commit -> commit.getTask().setBaseVersion(9L)),
        fault("a later end", Reason.UNAUTHORISED, commit -> commit.getTask().setExpiresMicros(9L)),
        fault(
            "no authenticator",
            Reason.UNAUTHORISED,
            commit -> commit.getTask().setAuthenticator(ByteBuffer.allocate(0))),
        fault("a chunk more", Reason.WRONG_DIMENSION, commit -> commit.setChunkCount(CHUNKS + 1)),
        fault("no chunk", Reason.WRONG_DIMENSION, commit -> commit.setChunkCount(-1)),
        fault("short root", Reason.MALFORMED, commit -> commit.setRoot(SHORT)),
        fault("no root", Reason.MALFORMED, commit -> commit.setRoot(ByteBuffer.allocate(0))),
        fault("norm NaN", Reason.NOT_FINITE, commit -> commit.setSquaredNorm(Double.NaN)),
        fault("norm below 0", Reason.NOT_FINITE, commit -> commit.setSquaredNorm(-1.0)),
        fault(
            "norm infinite",
            Reason.NOT_FINITE,
            commit -> commit.setSquaredNorm(Double.POSITIVE_INFINITY)),
        fault("no examples", Reason.OUT_OF_RANGE, commit -> commit.setExamples(0)),
        fault("examples below 0", Reason.OUT_OF_RANGE, commit -> commit.setExamples(-5)),
        fault("steps below 0", Reason.OUT_OF_RANGE, commit -> commit.setLocalSteps(-1)),
        fault(
            "too few codec errors",
            Reason.WRONG_DIMENSION,
            commit -> commit.setCodecErrors(List.of(1f))),
        fault(
            "codec error NaN",
            Reason.NOT_FINITE,
            commit -> commit.setCodecErrors(List.of(1f, Float.NaN, 1f))),
        fault(
            "measure NaN",
            Reason.NOT_FINITE,
            commit -> commit.setMeasures(Map.of("loss", Double.NaN))),
        fault(
            "measure infinite",
            Reason.NOT_FINITE,
            commit -> commit.setMeasures(Map.of("loss", Double.NEGATIVE_INFINITY))),
        fault(
            "overlong measure",
            Reason.OUT_OF_RANGE,
            commit -> commit.setMeasures(Map.of("x".repeat(129), 1.0))),
        fault(
            "too many measures",
            Reason.OUT_OF_RANGE,
            commit -> {
              Map<String, Double> measures = new HashMap<>();
              for (int i = 0; i < 65; i++) {
                measures.put("measure-" + i, 1.0);
              }
              commit.setMeasures(measures);
            }));
  }

  private static List<Fault<ChunkReceipt>> receipts() {
    return List.of(
        fault("another model", Reason.BAD_KEY, receipt -> receipt.setModel("x")),
        fault("chunk below 0", Reason.OUT_OF_RANGE, receipt -> receipt.setChunk(-1)),
        fault("chunk beyond", Reason.OUT_OF_RANGE, receipt -> receipt.setChunk(CHUNKS)),
        fault("another client", Reason.INCONSISTENT, receipt -> receipt.setClient("eve")),
        fault("task below 0", Reason.INCONSISTENT, receipt -> receipt.setSequence(-1L)),
        fault("task to come", Reason.INCONSISTENT, receipt -> receipt.setSequence(99_999L)),
        fault("short digest", Reason.MALFORMED, receipt -> receipt.setDigest(SHORT)),
        fault("short contest", Reason.MALFORMED, receipt -> receipt.setContestedDigest(SHORT)),
        fault("norm NaN", Reason.NOT_FINITE, receipt -> receipt.setSquaredNorm(Double.NaN)),
        fault("norm below 0", Reason.NOT_FINITE, receipt -> receipt.setSquaredNorm(-1.0)),
        fault("largest NaN", Reason.NOT_FINITE, receipt -> receipt.setLargest(Float.NaN)),
        fault(
            "largest infinite",
            Reason.NOT_FINITE,
            receipt -> receipt.setLargest(Float.POSITIVE_INFINITY)));
  }

  private static List<Fault<ModelDefinition>> definitions() {
    return List.of(
        fault("another model", Reason.BAD_KEY, definition -> definition.setModel("x")),
        fault("empty", Reason.OUT_OF_RANGE, definition -> definition.setLength(0L)),
        fault("too long", Reason.OUT_OF_RANGE, definition -> definition.setLength(1L << 62)),
        fault("no chunk length", Reason.OUT_OF_RANGE, definition -> definition.setChunkLength(0)),
        fault(
            "too many chunks",
            Reason.OUT_OF_RANGE,
            definition -> {
              definition.setChunkLength(1);
              definition.setLength(1_000_001L);
            }),
        fault("no layers", Reason.WRONG_DIMENSION, definition -> definition.setLayers(List.of())),
        fault(
            "gap",
            Reason.INCONSISTENT,
            definition -> definition.setLayers(List.of(new ModelLayer("all", 1L, List.of(26))))),
        fault(
            "shape that overflows",
            Reason.WRONG_DIMENSION,
            definition ->
                definition.setLayers(
                    List.of(new ModelLayer("all", 0L, Collections.nCopies(9, 1 << 30))))),
        fault(
            "side below 1",
            Reason.WRONG_DIMENSION,
            definition ->
                definition.setLayers(List.of(new ModelLayer("all", 0L, List.of(-27, -1))))),
        fault(
            "another hash",
            Reason.INCONSISTENT,
            definition -> definition.setSchemaHash(ByteBuffer.allocate(32))));
  }

  static List<Arguments> namedCommits() {
    return commits().stream().map(f -> Arguments.of(f.name(), f)).toList();
  }

  static List<Arguments> namedReceipts() {
    return receipts().stream().map(f -> Arguments.of(f.name(), f)).toList();
  }

  static List<Arguments> namedDefinitions() {
    return definitions().stream().map(f -> Arguments.of(f.name(), f)).toList();
  }

  private static ControlRun rounds() {
    return ControlRun.started(
        new ControlTestSettings().policy(new Synchronous(3, 3, 1000, false)), CHUNKS);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("namedCommits")
  void aBadCommitIsRefusedAndTheGoodOneStillTaken(String name, Fault<ClientCommit> fault) {
    ControlRun run = rounds();
    TaskOffer offer = run.ask("ada");
    ClientCommit bad = copy(ClientCommit.class, run.update(offer).commit());
    fault.plant().accept(bad);
    InvalidInputException refusal = run.refused(new FederatedInput.Commit(bad));
    assertEquals(fault.reason(), refusal.reason(), refusal.getMessage());
    assertTrue(refusal.getMessage().length() > 20, refusal.getMessage());
    run.upload(offer);
    assertEquals(1, run.state.whole.size());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("namedReceipts")
  void aBadReceiptIsRefusedAndTheGoodOneStillTaken(String name, Fault<ChunkReceipt> fault) {
    ControlRun run = rounds();
    TaskOffer offer = run.ask("ada");
    ChunkReceipt bad = run.update(offer).receipt(1);
    fault.plant().accept(bad);
    InvalidInputException refusal = run.refused(ControlRun.authorise(bad));
    assertEquals(fault.reason(), refusal.reason(), refusal.getMessage());
    run.upload(offer);
    assertEquals(1, run.state.whole.size());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("namedDefinitions")
  void aBadDefinitionIsRefused(String name, Fault<ModelDefinition> fault) {
    ControlRun run = new ControlRun(new ControlTestSettings().build(), CHUNKS);
    ModelDefinition bad = run.definition();
    fault.plant().accept(bad);
    InvalidInputException refusal = run.refused(ControlRun.authorise(bad));
    assertEquals(fault.reason(), refusal.reason(), refusal.getMessage());
    run.authorised(run.definition());
    assertEquals(CHUNKS, run.state.chunks);
  }

  @Test
  void recordsBeforeTheModelIsKnownAreRefused() {
    ControlRun run = new ControlRun(new ControlTestSettings().build(), CHUNKS);
    assertEquals(Reason.UNKNOWN_MODEL, run.refused(ControlRun.request("ada")).reason());
    ControlRun other = rounds();
    TaskOffer offer = other.ask("ada");
    assertEquals(
        Reason.UNKNOWN_MODEL,
        run.refused(ControlRun.authorise(other.update(offer).receipt(0))).reason());
    assertEquals(
        Reason.UNKNOWN_MODEL,
        run.refused(new FederatedInput.Commit(other.update(offer).commit())).reason());
  }

  @Test
  void timeNeverGoesBack() {
    ControlRun run = rounds();
    for (long older : new long[] {1_000_000, 999_999, 0}) {
      run.accept(ControlRun.authorise(new RoundTick(ControlRun.MODEL, older)));
      assertEquals(List.of(), run.last, "nothing is said of a tick that is passed over");
    }
    assertEquals(1_000_000, run.state.timeMicros);
    assertEquals(3, run.state.olderTicks);
    TaskOffer offer = run.ask("ada");
    assertEquals(
        3, run.last(FederatedOutput.Status.class).get(0).status().getOlderTicks(), "" + offer);
    for (long time : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 253_402_300_800_000_000L}) {
      assertEquals(
          Reason.BAD_TIME,
          run.refused(ControlRun.authorise(new RoundTick(ControlRun.MODEL, time))).reason());
    }
  }

  @Test
  void reportsOfWhatIsNotAwaitedAreRefused() {
    ControlRun run = rounds();
    for (long version : new long[] {-1, 1, Long.MAX_VALUE}) {
      run.refused(ControlRun.authorise(run.chunkDone(version, 0)));
    }
    for (String client : List.of("a", "b", "c")) {
      run.contribute(client);
    }
    ChunkDone beyond = run.chunkDone(1, 0);
    beyond.setChunk(CHUNKS);
    assertEquals(Reason.OUT_OF_RANGE, run.refused(ControlRun.authorise(beyond)).reason());
    assertEquals(
        Reason.INCONSISTENT, run.refused(ControlRun.authorise(run.chunkDone(2, 0))).reason());
    ChunkGram gram = new ChunkGram(ControlRun.MODEL, 1L, 0, 3, Collections.nCopies(6, 1.0));
    assertEquals(Reason.LATE, run.refused(ControlRun.authorise(gram)).reason());
  }

  @Test
  void badGramMatricesAreRefused() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .policy(new Synchronous(3, 3, 0, false))
                .robust(PreMixing.NONE, RobustRule.KRUM, 0),
            CHUNKS);
    for (String client : List.of("a", "b", "c")) {
      run.contribute(client);
    }
    Map<ChunkGram, Reason> bad = new HashMap<>();
    for (double wild : new double[] {Double.NaN, Double.POSITIVE_INFINITY, 1e200}) {
      bad.put(gram(3, Collections.nCopies(6, wild)), Reason.NOT_FINITE);
    }
    bad.put(gram(3, Collections.nCopies(5, 1.0)), Reason.WRONG_DIMENSION);
    bad.put(gram(2, Collections.nCopies(3, 1.0)), Reason.WRONG_DIMENSION);
    bad.put(gram(Integer.MAX_VALUE, List.of()), Reason.WRONG_DIMENSION);
    bad.put(gram(-1, List.of()), Reason.WRONG_DIMENSION);
    bad.forEach(
        (record, reason) ->
            assertEquals(reason, run.refused(ControlRun.authorise(record)).reason()));
    // no chunk can be done before the decision
    run.refused(ControlRun.authorise(run.chunkDone(1, 0)));
    run.authorised(gram(3, Collections.nCopies(6, 1.0)));
    assertEquals(
        Reason.DUPLICATE,
        run.refused(ControlRun.authorise(gram(3, Collections.nCopies(6, 1.0)))).reason());
  }

  private static ChunkGram gram(int rows, List<Double> products) {
    return new ChunkGram(ControlRun.MODEL, 1L, 0, rows, products);
  }

  @Test
  void waitingClientsAreBounded() {
    ControlRun run = ControlRun.started(new ControlTestSettings().pendingUpdates(1), CHUNKS);
    run.ask("first");
    for (int i = 0; i < 1 << 16; i++) {
      run.operator.accept(run.state, ControlRun.request("c" + i), 0, Models.NONE, output -> {});
    }
    assertEquals(Reason.OUT_OF_RANGE, run.refused(ControlRun.request("more")).reason());
    run.accept(ControlRun.request("c7"));
    assertEquals(1 << 16, run.state.waiting.size());
  }

  /** Forged, damaged and repeated records between the good ones of a run. */
  @Test
  void tenThousandHostileRecordsLeaveNoTrace() {
    FederatedSettings settings =
        new ControlTestSettings().policy(new Synchronous(3, 2, 1000, false)).build();
    List<FederatedInput> good = new ControlSimulation(settings, CHUNKS, SEED, 400).run().inputs;
    ControlRun plain = new ControlRun(settings, CHUNKS);
    ControlRun hostile = new ControlRun(settings, CHUNKS);
    Random random = new Random(SEED);
    Map<Reason, Integer> refusals = new EnumMap<>(Reason.class);
    int unreadable = 0;
    List<FederatedInput> sent = new ArrayList<>();
    for (FederatedInput input : good) {
      plain.accept(input);
      hostile.accept(input);
      sent.add(input);
      byte[][] before = hostile.sections();
      for (int i = 0; i < HOSTILE / good.size(); i++) {
        FederatedInput bad;
        try {
          bad = damaged(sent.get(random.nextInt(sent.size())), random);
        } catch (UnreadableRecordException e) {
          unreadable++;
          continue;
        }
        try {
          hostile.operator.accept(
              hostile.state,
              bad,
              hostile.operator.eventTimeMillis(bad),
              Models.NONE,
              output -> {
                throw new AssertionError("output of a hostile record: " + output);
              });
          throw new AssertionError("taken: " + bad);
        } catch (InvalidInputException refusal) {
          refusals.merge(refusal.reason(), 1, Integer::sum);
        }
      }
      byte[][] after = hostile.sections();
      for (int section = 0; section < before.length; section++) {
        assertArrayEquals(before[section], after[section], "section " + section);
      }
    }
    assertEquals(plain.outputs.size(), hostile.outputs.size());
    for (int i = 0; i < plain.outputs.size(); i++) {
      assertArrayEquals(
          ControlRun.bytes(plain.outputs.get(i)), ControlRun.bytes(hostile.outputs.get(i)));
    }
    assertTrue(unreadable > 50, unreadable + " unreadable");
    for (Reason reason : List.of(Reason.UNAUTHORISED, Reason.BAD_KEY)) {
      assertTrue(refusals.getOrDefault(reason, 0) > 100, refusals.toString());
    }
  }

  /** A request in the name of no client, or any other record with some bits flipped. */
  private static FederatedInput damaged(FederatedInput input, Random random) {
    if (input instanceof FederatedInput.Request) {
      TaskRequest request = new TaskRequest(ControlRun.MODEL, "a/b", 0L);
      return new FederatedInput.Request(request);
    }
    byte[] bytes = ControlRun.bytes(input);
    if (input instanceof FederatedInput.Authorised) {
      bytes[SingleObject.HEADER_BYTES + random.nextInt(bytes.length - SingleObject.HEADER_BYTES)] ^=
          (byte) (1 << random.nextInt(8));
      return new FederatedInput.Authorised(SingleObject.of(AuthorisedRecord.class).decode(bytes));
    }
    // within the task: what follows it may be claimed by anybody where nothing is signed
    bytes[SingleObject.HEADER_BYTES + 10 + random.nextInt(20)] ^= (byte) (1 << random.nextInt(8));
    return new FederatedInput.Commit(SingleObject.of(ClientCommit.class).decode(bytes));
  }

  private static <T extends SpecificRecord> T copy(Class<T> type, T record) {
    return SingleObject.of(type).decode(SingleObject.of(type).encode(record));
  }
}
