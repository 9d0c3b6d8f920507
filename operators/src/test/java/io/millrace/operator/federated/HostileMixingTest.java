package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.federated.MixingSettings.Admission;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad records among nodes that mix: each is refused with its reason, and leaves no trace. */
class HostileMixingTest {
  private static final int CHUNK = 1;
  private static final int CHUNKS = 3;
  private static final int LENGTH = 40;
  private static final int NODES = 4;
  private static final int HOSTILE = 20_000;
  private static final long SEED = 20_261_122L;

  private final ChunkRecords records = new ChunkRecords();
  private final MixingSettings settings = settings(4, MixingMethod.DADAO);
  private EdgeMixing operator;
  private MixingState state;

  private static MixingSettings settings(int nodes, MixingMethod method) {
    MixingSettings usual = MixingNetwork.settings(method, "complete", nodes);
    return new MixingSettings(
        method,
        usual.graph(),
        usual.clock(),
        usual.step(),
        new Admission(1e6, 1, UpdateCodecs.names()),
        usual.exchange());
  }

  /** Two versions made; node 1 has sent its gradient at the newest, 2. */
  private void start() {
    operator = new EdgeMixing(settings, records.authority);
    state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK));
    take(records.start(CHUNK, CHUNKS, new double[LENGTH]));
    take(tick(0));
    take(tick(1));
    take(tick(2));
    take(new FederatedInput.Update(gradient(1, 2, 1)));
  }

  private FederatedInput tick(long seconds) {
    return MixingNetwork.tick(records, CHUNK, 1_000_000 * (1 + seconds));
  }

  private void take(FederatedInput input) {
    operator.accept(state, input, 0, Models.NONE, output -> {});
  }

  private UpdateChunk gradient(int node, long version, float value) {
    float[] values = new float[LENGTH];
    Arrays.fill(values, value);
    return ChunkRecords.chunk(
        MixingNetwork.task(records, node, NODES, version),
        CHUNK,
        CHUNKS,
        "plain",
        new PlainCodec().encode(values, 0),
        new byte[0]);
  }

  private static ByteBuffer floats(float value, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putFloat(4 * (count - 1), value);
    return bytes;
  }

  private static Arguments fault(String name, Reason reason, Consumer<UpdateChunk> plant) {
    return Arguments.of(name, reason, true, plant);
  }

  private static Arguments task(String name, Reason reason, Consumer<UpdateTask> plant) {
    return fault(name, reason, chunk -> plant.accept(chunk.getTask()));
  }

  static List<Arguments> gradients() {
    return List.of(
        task("another model", Reason.BAD_KEY, task -> task.setModel("model:2")),
        task("another node", Reason.UNAUTHORISED, task -> task.setClient("node-0")),
        task("another number", Reason.UNAUTHORISED, task -> task.setSequence(3)),
        task("another version", Reason.UNAUTHORISED, task -> task.setBaseVersion(1)),
        task("no word", Reason.UNAUTHORISED, task -> task.setAuthenticator(ByteBuffer.allocate(0))),
        fault("another chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(0)),
        fault("negative chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(-1)),
        fault("largest chunk", Reason.BAD_KEY, chunk -> chunk.setChunk(Integer.MAX_VALUE)),
        fault("more chunks", Reason.WRONG_DIMENSION, chunk -> chunk.setChunkCount(4)),
        fault(
            "no schema", Reason.INCONSISTENT, chunk -> chunk.setSchemaHash(ByteBuffer.allocate(0))),
        fault("unknown codec", Reason.INCONSISTENT, chunk -> chunk.setCodec("x".repeat(129))),
        fault("payload of another codec", Reason.MALFORMED, chunk -> chunk.setCodec("qsgd-16")),
        fault("shorter chunk", Reason.MALFORMED, chunk -> chunk.setPayload(floats(0, 39))),
        fault("longer chunk", Reason.MALFORMED, chunk -> chunk.setPayload(floats(0, 41))),
        fault("no payload", Reason.MALFORMED, chunk -> chunk.setPayload(ByteBuffer.allocate(0))),
        fault("two payloads", Reason.TOO_LARGE, chunk -> chunk.setSecond(floats(0, 40))),
        fault(
            "oversize payload",
            Reason.TOO_LARGE,
            chunk -> chunk.setPayload(ByteBuffer.allocate((1 << 24) + 1))),
        fault("NaN", Reason.NOT_FINITE, chunk -> chunk.setPayload(floats(Float.NaN, 40))),
        fault("infinity", Reason.NOT_FINITE, chunk -> chunk.setPayload(floats(1f / 0, 40))),
        fault("1e30", Reason.OUT_OF_RANGE, chunk -> chunk.setPayload(floats(1e30f, 40))),
        fault("off the grid", Reason.OUT_OF_RANGE, chunk -> chunk.setPayload(floats(9e5f, 40))),
        Arguments.of(
            "other bytes",
            Reason.MALFORMED,
            false,
            (Consumer<UpdateChunk>) chunk -> chunk.setPayload(floats(1, 40))));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("gradients")
  void aBadGradientIsRefusedWithItsReason(
      String name, Reason reason, boolean sealed, Consumer<UpdateChunk> plant) {
    start();
    UpdateChunk chunk = gradient(2, 2, 1);
    plant.accept(chunk);
    refused(reason, new FederatedInput.Update(sealed ? ChunkRecords.sealed(chunk) : chunk));
    take(new FederatedInput.Update(gradient(2, 2, 1)));
  }

  @Test
  void aVersionTakesOneGradientOfEachNode() {
    start();
    refused(Reason.DUPLICATE, new FederatedInput.Update(gradient(1, 2, 1)));
    refused(Reason.INCONSISTENT, new FederatedInput.Update(gradient(1, 2, 2)));
    refused(Reason.LATE, new FederatedInput.Update(gradient(1, 1, 1)));
    refused(Reason.UNKNOWN_MODEL, new FederatedInput.Update(gradient(1, 3, 1)));
    refused(Reason.LATE, new FederatedInput.Update(gradient(0, 0, 1)));
    take(new FederatedInput.Update(gradient(0, 1, 1)));
    take(new FederatedInput.Update(gradient(0, 2, 1)));
    UpdateChunk another = gradient(0, 2, 1);
    another.setTask(records.task("node-0", 9, 1, 3));
    refused(Reason.INCONSISTENT, new FederatedInput.Update(ChunkRecords.sealed(another)));
    another.setTask(records.task("node-9", 9, 2, 3));
    refused(Reason.INCONSISTENT, new FederatedInput.Update(ChunkRecords.sealed(another)));
  }

  @Test
  void ticksOfASecondProcessThatAreNotNewerChangeNothing() {
    start();
    byte[] before = bytes();
    for (long seconds = 0; seconds <= 2; seconds++) {
      operator.accept(
          state, tick(seconds), 0, Models.NONE, output -> fail("output of an old tick"));
    }
    assertArrayEquals(before, bytes());
  }

  @Test
  void ticksThatAreNotTheOwnersOrNotOfThisTimeAreRefused() {
    start();
    refused(Reason.BAD_TIME, MixingNetwork.tick(records, CHUNK, -1));
    refused(Reason.BAD_TIME, MixingNetwork.tick(records, CHUNK, Long.MAX_VALUE));
    refused(Reason.UNAUTHORISED, MixingNetwork.tick(records, 0, 9_000_000));
    refused(
        Reason.UNKNOWN_MODEL,
        records.authorised(CHUNK, RoundTick.class, new RoundTick("model:2", 9_000_000L)));
    refused(
        Reason.WRONG_SCHEMA,
        records.authorised(CHUNK, RoundFreeze.class, ChunkRecords.freeze(1, List.of(), 1)));
    byte[] framed =
        SingleObject.of(RoundTick.class).encode(new RoundTick(ChunkRecords.MODEL, 9_000_000L));
    AuthorisedRecord forged =
        new Authority(new byte[32])
            .authorise(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK), framed);
    refused(Reason.UNAUTHORISED, new FederatedInput.Authorised(forged));
    take(tick(3));
    assertEquals(3, state.version);
  }

  @Test
  void nothingHappensBeforeVersionZeroAndThatComesOnce() {
    operator = new EdgeMixing(settings, records.authority);
    state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK));
    refused(Reason.UNKNOWN_MODEL, tick(1));
    refused(Reason.UNKNOWN_MODEL, new FederatedInput.Update(gradient(0, 0, 1)));
    refused(Reason.OUT_OF_RANGE, records.start(CHUNK, CHUNKS, 1, 70_000));
    refused(Reason.NOT_FINITE, records.start(CHUNK, CHUNKS, 1, Double.NaN));
    ModelChunk later =
        SingleObject.of(ModelChunk.class)
            .decode(
                CanonicalBytes.array(
                    ((FederatedInput.Authorised) records.start(CHUNK, CHUNKS, 1, 2))
                        .record()
                        .getRecord()));
    later.setVersion(1L);
    later.setDigest(ByteBuffer.wrap(Digests.of(later)));
    refused(Reason.MALFORMED, records.authorised(CHUNK, ModelChunk.class, later));
    take(records.start(CHUNK, CHUNKS, 1, 2));
    refused(Reason.DUPLICATE, records.start(CHUNK, CHUNKS, 1, 2));
  }

  @Test
  void settingsOfAnotherNetworkAreRefused() {
    start();
    operator = new EdgeMixing(settings(5, MixingMethod.DADAO), records.authority);
    refused(Reason.INCONSISTENT, tick(3));
    operator = new EdgeMixing(settings(4, MixingMethod.PLAIN), records.authority);
    refused(Reason.INCONSISTENT, tick(3));
    operator = new EdgeMixing(settings, records.authority);
    take(tick(3));
  }

  /** What is missed beyond the longest step is not made up for. */
  @Test
  void aTickAfterALongSilenceTakesNoLongerThanTheLongestStep() {
    start();
    long before = state.spikes;
    take(tick(1_000_000));
    double expected = settings.spikes() * settings.clock().longestStep();
    assertEquals(expected, state.spikes - before, 5 * Math.sqrt(expected));
  }

  @Test
  void damagedGradientsAreRefusedOrLeaveFiniteNumbers() {
    start();
    Random random = new Random(SEED);
    List<String> codecs = UpdateCodecs.names();
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) random.nextGaussian();
    }
    GradientIntake intake = new GradientIntake(settings.admission(), records.authority);
    int refused = 0;
    for (int i = 0; i < HOSTILE; i++) {
      String codec = codecs.get(i % codecs.size());
      byte[] payload = UpdateCodecs.named(codec).encode(values, 1);
      for (int flip = 0; flip < 3; flip++) {
        payload[random.nextInt(payload.length)] ^= (byte) (1 << random.nextInt(8));
      }
      if (random.nextInt(8) == 0) {
        payload = Arrays.copyOf(payload, random.nextInt(payload.length + 8));
      }
      UpdateChunk chunk = gradient(2, 2, 1);
      chunk.setCodec(codec);
      chunk.setPayload(ByteBuffer.wrap(payload));
      ChunkRecords.sealed(chunk);
      try {
        for (float value : intake.values(chunk, LENGTH)) {
          assertTrue(Float.isFinite(value));
        }
      } catch (InvalidInputException expected) {
        refused++;
      }
    }
    assertTrue(refused > HOSTILE / 20, refused + " refused");
  }

  /** Refused with this reason, and not a byte of the state moves. */
  private void refused(Reason reason, FederatedInput input) {
    byte[] before = bytes();
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class,
            () ->
                operator.accept(
                    state, input, 0, Models.NONE, output -> fail("output of a bad record")));
    assertEquals(reason, refusal.reason(), refusal.getMessage());
    assertArrayEquals(before, bytes(), refusal.getMessage());
  }

  private byte[] bytes() {
    MixingStateCodec codec = new MixingStateCodec();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int section = 0; section < codec.sections(); section++) {
      bytes.writeBytes(codec.encode(state, section));
    }
    return bytes.toByteArray();
  }
}
