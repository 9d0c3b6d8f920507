package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad records on the updates topic: each is refused with its reason, and leaves no trace. */
class HostileChunkTest {
  private static final int CHUNK = 1;
  private static final int CHUNKS = 3;
  private static final int LENGTH = 40;
  private static final int HOSTILE = 20_000;
  private static final long SEED = 20_261_122L;

  private final ChunkRecords records = new ChunkRecords();
  private FederatedSettings settings =
      new FederatedTestSettings().codecs(UpdateCodecs.names().toArray(String[]::new)).build();
  private ChunkAggregation operator;
  private ChunkState state;

  /** One version made, one update pending. */
  private void start() {
    operator = new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY));
    state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK));
    take(records.start(CHUNK, CHUNKS, new double[LENGTH]));
    take(new FederatedInput.Update(update("client-1", 0)));
    take(freeze(1, part("client-1", 0)));
    take(new FederatedInput.Update(update("client-1", 1)));
  }

  private void take(FederatedInput input) {
    operator.accept(state, input, 0, Models.NONE, output -> {});
  }

  private UpdateChunk update(String client, long sequence) {
    byte[] payload = new PlainCodec().encode(new float[LENGTH], 0);
    return ChunkRecords.chunk(
        records.task(client, sequence, 0, 1), CHUNK, CHUNKS, "plain", payload, new byte[0]);
  }

  private static Contribution part(String client, long sequence) {
    return ChunkRecords.part(client, sequence, 1, 1);
  }

  private FederatedInput freeze(long version, Contribution... parts) {
    RoundFreeze freeze = ChunkRecords.freeze(version, List.of(parts), 1);
    return records.authorised(CHUNK, RoundFreeze.class, freeze);
  }

  private static Arguments fault(String name, Reason reason, Consumer<UpdateChunk> plant) {
    return Arguments.of(name, reason, true, plant);
  }

  private static Arguments unsealed(String name, Reason reason, Consumer<UpdateChunk> plant) {
    return Arguments.of(name, reason, false, plant);
  }

  private static Arguments task(String name, Reason reason, Consumer<UpdateTask> plant) {
    return fault(name, reason, chunk -> plant.accept(chunk.getTask()));
  }

  private static ByteBuffer floats(float value, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putFloat(4 * (count - 1), value);
    return bytes;
  }

  static List<Arguments> updates() {
    String name = "x".repeat(129);
    return List.of(
        task("another model", Reason.BAD_KEY, task -> task.setModel("model:2")),
        task("slash in a model", Reason.BAD_KEY, task -> task.setModel("a/b")),
        task("another client", Reason.UNAUTHORISED, task -> task.setClient("client-2")),
        task("no client", Reason.BAD_KEY, task -> task.setClient("")),
        task("overlong client", Reason.BAD_KEY, task -> task.setClient(name)),
        task("letter beyond ASCII", Reason.BAD_KEY, task -> task.setClient("größe")),
        task("another number", Reason.UNAUTHORISED, task -> task.setSequence(3)),
        task("another base", Reason.UNAUTHORISED, task -> task.setBaseVersion(1)),
        task("another seed", Reason.UNAUTHORISED, task -> task.setSeed(2)),
        task("longer life", Reason.UNAUTHORISED, task -> task.setExpiresMicros(9)),
        task("no word", Reason.UNAUTHORISED, task -> task.setAuthenticator(ByteBuffer.allocate(0))),
        fault("another chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(0)),
        fault("negative chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(-1)),
        fault("largest chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(Integer.MAX_VALUE)),
        fault("more chunks", Reason.WRONG_DIMENSION, chunk -> chunk.setChunkCount(4)),
        fault("no chunks", Reason.WRONG_DIMENSION, chunk -> chunk.setChunkCount(0)),
        fault(
            "another schema",
            Reason.INCONSISTENT,
            chunk -> chunk.setSchemaHash(ByteBuffer.allocate(32))),
        fault(
            "no schema", Reason.INCONSISTENT, chunk -> chunk.setSchemaHash(ByteBuffer.allocate(0))),
        fault("unknown codec", Reason.INCONSISTENT, chunk -> chunk.setCodec("zip")),
        fault("overlong codec", Reason.INCONSISTENT, chunk -> chunk.setCodec(name)),
        fault("codec not agreed upon", Reason.INCONSISTENT, chunk -> chunk.setCodec("qsgd-8")),
        fault("payload of another codec", Reason.MALFORMED, chunk -> chunk.setCodec("qsgd-16")),
        fault("shorter chunk", Reason.MALFORMED, chunk -> chunk.setPayload(floats(0, 39))),
        fault("longer chunk", Reason.MALFORMED, chunk -> chunk.setPayload(floats(0, 41))),
        fault("no payload", Reason.MALFORMED, chunk -> chunk.setPayload(ByteBuffer.allocate(0))),
        fault("two payloads", Reason.MALFORMED, chunk -> chunk.setSecond(floats(0, 40))),
        fault(
            "oversize payload",
            Reason.TOO_LARGE,
            chunk -> chunk.setPayload(ByteBuffer.allocate((1 << 24) + 1))),
        fault(
            "more than all may hold",
            Reason.TOO_LARGE,
            chunk -> chunk.setPayload(ByteBuffer.allocate(1 << 20))),
        fault("NaN", Reason.NOT_FINITE, chunk -> chunk.setPayload(floats(Float.NaN, 40))),
        fault(
            "infinity",
            Reason.NOT_FINITE,
            chunk -> chunk.setPayload(floats(Float.NEGATIVE_INFINITY, 40))),
        fault("1e30", Reason.OUT_OF_RANGE, chunk -> chunk.setPayload(floats(1e30f, 40))),
        unsealed("other bytes", Reason.MALFORMED, chunk -> chunk.setPayload(floats(1, 40))),
        unsealed("no digest", Reason.MALFORMED, chunk -> chunk.setDigest(ByteBuffer.allocate(0))));
  }

  /** T14: another layout, an unknown codec, too large a chunk, and more. */
  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("updates")
  void aBadUpdateIsRefusedWithItsReason(
      String name, Reason reason, boolean sealed, Consumer<UpdateChunk> plant) {
    start();
    UpdateChunk chunk = update("client-1", 2);
    plant.accept(chunk);
    refused(reason, new FederatedInput.Update(sealed ? ChunkRecords.sealed(chunk) : chunk));
    take(new FederatedInput.Update(update("client-1", 2)));
  }

  @Test
  void tasksThatAreDoneOrStartFromTheFutureAreRefused() {
    start();
    refused(Reason.ENDED, new FederatedInput.Update(update("client-1", 0)));
    refused(Reason.DUPLICATE, new FederatedInput.Update(update("client-1", 1)));
    UpdateChunk future = update("client-1", 2);
    future.setTask(records.task("client-1", 2, 2, 1));
    refused(Reason.UNKNOWN_MODEL, new FederatedInput.Update(ChunkRecords.sealed(future)));
    UpdateChunk negative = update("client-1", 2);
    negative.setTask(records.task("client-1", -1, 0, 1));
    refused(Reason.UNKNOWN_MODEL, new FederatedInput.Update(ChunkRecords.sealed(negative)));
  }

  @Test
  void aSketchWithAHiddenCellIsRefused() {
    start();
    UpdateChunk chunk = update("client-1", 2);
    chunk.setCodec("count-sketch-5x512");
    // One row of five: no median sees it, and the sum of all would lose its digits.
    chunk.setPayload(floats(1e30f, 5 * 512));
    refused(Reason.OUT_OF_RANGE, new FederatedInput.Update(ChunkRecords.sealed(chunk)));
  }

  @Test
  void anIncrementThatCouldOverflowAMemoryIsRefused() {
    settings = new FederatedTestSettings().method(AveragingMethod.EF21).clients(2).build();
    start();
    UpdateChunk chunk = update("client-1", 2);
    // 40 bits: increments below 2^11, memories of two clients up to 2^20 each.
    chunk.setPayload(floats(2048, 40));
    refused(Reason.OUT_OF_RANGE, new FederatedInput.Update(ChunkRecords.sealed(chunk)));
    chunk.setPayload(floats(2047, 40));
    take(new FederatedInput.Update(ChunkRecords.sealed(chunk)));
    take(new FederatedInput.Update(update("client-2", 3)));
    refused(Reason.OUT_OF_RANGE, new FederatedInput.Update(update("client-3", 4)));
  }

  @Test
  void moreUpdatesThanMayWaitAreRefused() {
    settings = new FederatedTestSettings().pendingUpdates(3).build();
    start();
    take(new FederatedInput.Update(update("client-2", 2)));
    take(new FederatedInput.Update(update("client-3", 3)));
    refused(Reason.TOO_LARGE, new FederatedInput.Update(update("client-4", 4)));
  }

  static List<Arguments> freezes() {
    return List.of(
        freezeFault("same version", Reason.DUPLICATE, freeze -> freeze.setVersion(1)),
        freezeFault("version too far", Reason.GAP, freeze -> freeze.setVersion(3)),
        freezeFault("another model", Reason.UNKNOWN_MODEL, freeze -> freeze.setModel("model:2")),
        freezeFault("parent to come", Reason.UNKNOWN_MODEL, freeze -> freeze.setParent(2)),
        freezeFault("negative parent", Reason.UNKNOWN_MODEL, freeze -> freeze.setParent(-1)),
        freezeFault(
            "weight of nothing", Reason.OUT_OF_RANGE, freeze -> freeze.setContributions(List.of())),
        freezeFault("a decision", Reason.INCONSISTENT, freeze -> freeze.setNeedsDecision(true)),
        freezeFault("divisor 0", Reason.OUT_OF_RANGE, freeze -> freeze.setDivisor(0)),
        freezeFault("divisor NaN", Reason.OUT_OF_RANGE, freeze -> freeze.setDivisor(Double.NaN)),
        freezeFault("rate NaN", Reason.OUT_OF_RANGE, freeze -> freeze.setRate(Double.NaN)),
        freezeFault("noise NaN", Reason.OUT_OF_RANGE, freeze -> freeze.setNoise(Double.NaN)),
        freezeFault("negative noise", Reason.OUT_OF_RANGE, freeze -> freeze.setNoise(-1)),
        freezeFault("largest NaN", Reason.OUT_OF_RANGE, freeze -> freeze.setLargest(Float.NaN)),
        freezeFault("too little weight", Reason.OUT_OF_RANGE, freeze -> freeze.setTotalWeight(0)),
        freezeFault(
            "too much weight", Reason.OUT_OF_RANGE, freeze -> freeze.setTotalWeight(1L << 60)),
        parts("twice the same", Reason.INCONSISTENT, part("client-1", 1), part("client-1", 1)),
        parts("one that is done", Reason.INCONSISTENT, part("client-1", 0)),
        parts("another's", Reason.INCONSISTENT, part("client-2", 1)),
        parts("no weight", Reason.OUT_OF_RANGE, ChunkRecords.part("client-1", 1, 0, 1)),
        parts("factor NaN", Reason.OUT_OF_RANGE, ChunkRecords.part("client-1", 1, 1, Double.NaN)),
        freezeFault(
            "dropped and used", Reason.INCONSISTENT, freeze -> freeze.setDropped(List.of(1L))),
        freezeFault(
            "negative dropped", Reason.INCONSISTENT, freeze -> freeze.setDropped(List.of(-1L))));
  }

  private static Arguments freezeFault(String name, Reason reason, Consumer<RoundFreeze> plant) {
    return Arguments.of(name, reason, plant);
  }

  private static Arguments parts(String name, Reason reason, Contribution... parts) {
    Consumer<RoundFreeze> plant = freeze -> freeze.setContributions(List.of(parts));
    return Arguments.of(name, reason, plant);
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("freezes")
  void aFreezeThatCannotBeIsRefusedWithItsReason(
      String name, Reason reason, Consumer<RoundFreeze> plant) {
    start();
    RoundFreeze freeze = ChunkRecords.freeze(2, List.of(part("client-1", 1)), 1);
    freeze.setTotalWeight(2);
    plant.accept(freeze);
    refused(reason, records.authorised(CHUNK, RoundFreeze.class, freeze));
    take(freeze(2, part("client-1", 1)));
    assertEquals(2, state.newestVersion());
  }

  @Test
  void valuesBeyondWhatAFreezeSaysAreRefusedBeforeAnySum() {
    start();
    UpdateChunk chunk = update("client-1", 2);
    chunk.setPayload(floats(3, 40));
    take(new FederatedInput.Update(ChunkRecords.sealed(chunk)));
    refused(Reason.INCONSISTENT, freeze(2, part("client-1", 2)));
    RoundFreeze scaled =
        ChunkRecords.freeze(2, List.of(ChunkRecords.part("client-1", 2, 1, 1 / 3.0)), 1);
    take(records.authorised(CHUNK, RoundFreeze.class, scaled));
    assertEquals(1, state.versions.get(2L)[39], 1e-7);
  }

  @Test
  void decisionsThatDoNotFitTheRoundAreRefused() {
    settings = new FederatedTestSettings().robust(PreMixing.NONE, RobustRule.KRUM, 0).build();
    operator = new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY));
    state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK));
    take(records.start(CHUNK, CHUNKS, new double[LENGTH]));
    take(new FederatedInput.Update(update("client-1", 0)));
    take(new FederatedInput.Update(update("client-2", 1)));
    refused(Reason.DUPLICATE, decision(1, List.of(0.5, 0.5), List.of()));
    RoundFreeze freeze =
        ChunkRecords.freeze(1, List.of(part("client-1", 0), part("client-2", 1)), 1);
    freeze.setNeedsDecision(true);
    take(records.authorised(CHUNK, RoundFreeze.class, freeze));
    refused(Reason.DUPLICATE, decision(2, List.of(0.5, 0.5), List.of()));
    refused(Reason.MALFORMED, decision(1, List.of(0.5), List.of()));
    refused(Reason.MALFORMED, decision(1, List.of(), List.of()));
    refused(Reason.MALFORMED, decision(1, List.of(0.5, Double.NaN), List.of()));
    refused(Reason.MALFORMED, decision(1, List.of(0.5, 0.5), List.of(List.of(2))));
    refused(Reason.MALFORMED, decision(1, List.of(0.5, 0.5), List.of(List.of())));
    take(decision(1, List.of(0.5, 0.5), List.of()));
    assertEquals(1, state.newestVersion());
  }

  private FederatedInput decision(long version, List<Double> weights, List<List<Integer>> groups) {
    return records.authorised(
        CHUNK, RoundDecision.class, ChunkRecords.decision(version, weights, groups));
  }

  @Test
  void commandsThatAreNotTheAggregatorsAreRefused() {
    start();
    RoundFreeze freeze = ChunkRecords.freeze(2, List.of(part("client-1", 1)), 1);
    byte[] framed = SingleObject.of(RoundFreeze.class).encode(freeze);
    String key = FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK);
    Authority other = new Authority(new byte[32]);
    refused(Reason.UNAUTHORISED, new FederatedInput.Authorised(other.authorise(key, framed)));
    AuthorisedRecord elsewhere = records.authority.authorise(key + "x", framed);
    refused(Reason.UNAUTHORISED, new FederatedInput.Authorised(elsewhere));
    byte[] cut = Arrays.copyOf(framed, framed.length - 1);
    refused(Reason.MALFORMED, new FederatedInput.Authorised(records.authority.authorise(key, cut)));
    refused(
        Reason.WRONG_SCHEMA,
        records.authorised(CHUNK, RoundTick.class, new RoundTick(ChunkRecords.MODEL, 1L)));
  }

  @Test
  void aVersionZeroThatCannotStartAModelIsRefused() {
    List<Consumer<ModelChunk>> faults =
        List.of(
            chunk -> chunk.setVersion(1),
            chunk -> chunk.setChunkCount(CHUNK),
            chunk -> chunk.setChunkCount(Integer.MAX_VALUE),
            chunk -> chunk.setElementBytes(3),
            chunk -> chunk.setElementBytes(0),
            chunk -> chunk.setValues(ByteBuffer.allocate(12)),
            chunk -> chunk.setValues(ByteBuffer.allocate(0)),
            chunk -> chunk.setValues(ByteBuffer.allocate(8 * (ChunkVersions.MOST_NUMBERS + 1))),
            chunk -> chunk.setValues(ByteBuffer.wrap(new byte[] {0, 0, 0, 0, 0, 0, -8, 127})),
            chunk -> chunk.setControl(ByteBuffer.allocate(8)),
            chunk -> chunk.setSchemaHash(ByteBuffer.allocate(31)));
    operator = new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY));
    state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK));
    for (Consumer<ModelChunk> fault : faults) {
      AuthorisedRecord start =
          ((FederatedInput.Authorised) records.start(CHUNK, CHUNKS, 1, 2)).record();
      ModelChunk chunk =
          SingleObject.of(ModelChunk.class).decode(CanonicalBytes.array(start.getRecord()));
      fault.accept(chunk);
      chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
      refused(null, records.authorised(CHUNK, ModelChunk.class, chunk));
    }
    take(records.start(CHUNK, CHUNKS, 1, 2));
    refused(Reason.DUPLICATE, records.start(CHUNK, CHUNKS, 1, 2));
  }

  @Test
  void damagedPayloadsOfEveryCodecAreRefusedOrFinite() {
    start();
    Random random = new Random(SEED);
    List<String> codecs = UpdateCodecs.names();
    List<byte[]> payloads = new ArrayList<>();
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) random.nextGaussian();
    }
    codecs.forEach(codec -> payloads.add(UpdateCodecs.named(codec).encode(values, 1)));
    UpdateIntake intake = new UpdateIntake(settings, records.authority);
    int refused = 0;
    for (int i = 0; i < HOSTILE; i++) {
      int codec = i % codecs.size();
      byte[] payload = payloads.get(codec);
      byte[] damaged =
          random.nextInt(8) == 0
              ? Arrays.copyOf(payload, random.nextInt(payload.length + 8))
              : payload.clone();
      for (int flip = 0; flip < 3 && damaged.length > 0; flip++) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      UpdateChunk chunk = update("client-1", 2);
      chunk.setCodec(codecs.get(codec));
      chunk.setPayload(ByteBuffer.wrap(damaged));
      ChunkRecords.sealed(chunk);
      try {
        byte[] digest = intake.identify(state, chunk);
        UpdateIntake.Accepted accepted = intake.open(state, chunk, digest);
        assertTrue(Double.isFinite(accepted.squaredNorm()));
        assertTrue(accepted.update().largest() <= Float.MAX_VALUE);
      } catch (InvalidInputException expected) {
        refused++;
      }
    }
    assertTrue(refused > HOSTILE / 20, refused + " refused");
  }

  /** Refused, with this reason if not null, and not a byte of the state moves. */
  private void refused(Reason reasonOrNull, FederatedInput input) {
    byte[] before = bytes();
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () ->
                operator.accept(
                    state, input, 0, Models.NONE, output -> fail("output of a bad record")));
    if (reasonOrNull != null) {
      assertEquals(reasonOrNull, refusal.reason(), refusal.getMessage());
    }
    assertArrayEquals(before, bytes(), refusal.getMessage());
  }

  private byte[] bytes() {
    ChunkStateCodec codec = new ChunkStateCodec();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int section = 0; section < codec.sections(); section++) {
      bytes.writeBytes(codec.encode(state, section));
    }
    return bytes.toByteArray();
  }
}
