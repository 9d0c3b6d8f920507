package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad records: each is refused with its reason, and all of them together leave no trace. */
class HostileCacheTest {
  private static final HeadGroup GROUP = CacheRecords.group("tenant-1", "session-1", 2, 16);
  private static final TensorLayout TURNED =
      CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.rotary(RotaryState.AFTER, 16));
  private static final int TAKEN = 40;
  private static final long SECOND = 1_000_000;
  private static final int HOSTILE = 10_000;
  private static final long SEED = 20_261_122L;

  private static WindowRun run() {
    KeyValueSettings settings =
        new KeyValueTestSettings()
            .coarse("rotated-2", 2000, 0)
            .summary(4, 6000)
            .samples(0.5, 300, false)
            .build();
    return new WindowRun(settings, GROUP, TURNED, Models.NONE);
  }

  /** What is wrong, its reason, and how it is planted. */
  private record Fault(String name, Reason reason, Consumer<KeyValueBlock> plant) {}

  private static Fault fault(String name, Reason reason, Consumer<KeyValueBlock> plant) {
    return new Fault(name, reason, plant);
  }

  private static Fault group(String name, Reason reason, Consumer<HeadGroup> plant) {
    return fault(name, reason, block -> plant.accept(block.getGroup()));
  }

  private static Fault rotary(String name, Reason reason, Consumer<RotaryPosition> plant) {
    return fault(name, reason, block -> plant.accept(block.getRotary()));
  }

  /** Of a block of keys that begins at the next token. */
  private static List<Fault> faults() {
    String name = "x".repeat(129);
    return List.of(
        group("another tenant", Reason.BAD_KEY, group -> group.setTenant("tenant-2")),
        group("another model", Reason.BAD_KEY, group -> group.setModel("model-8b")),
        group("other weights", Reason.BAD_KEY, group -> group.setWeights("0123abce")),
        group("another session", Reason.BAD_KEY, group -> group.setSession("session-2")),
        group("another layer", Reason.BAD_KEY, group -> group.setLayer(4)),
        group("another first head", Reason.BAD_KEY, group -> group.setFirstHead(0)),
        group("empty tenant", Reason.BAD_KEY, group -> group.setTenant("")),
        group("slash in a name", Reason.BAD_KEY, group -> group.setSession("a/b")),
        group("letter beyond ASCII", Reason.BAD_KEY, group -> group.setModel("größe")),
        group("overlong name", Reason.BAD_KEY, group -> group.setWeights(name)),
        group("negative layer", Reason.OUT_OF_RANGE, group -> group.setLayer(-1)),
        group("layer beyond 65,535", Reason.OUT_OF_RANGE, group -> group.setLayer(65_536)),
        group("no head", Reason.WRONG_DIMENSION, group -> group.setHeads(0)),
        group("negative width", Reason.WRONG_DIMENSION, group -> group.setHeadDimension(-16)),
        group("other shape", Reason.WRONG_DIMENSION, group -> group.setHeads(1)),
        group("too many channels", Reason.WRONG_DIMENSION, group -> group.setHeads(65_535)),
        fault("format changed", Reason.INCONSISTENT, block -> block.setFormat(brain())),
        fault("no token", Reason.MALFORMED, block -> block.setTokens(0)),
        fault("negative tokens", Reason.MALFORMED, block -> block.setTokens(-2)),
        fault("more tokens than elements", Reason.MALFORMED, block -> block.setTokens(3)),
        fault("too many tokens", Reason.TOO_LARGE, block -> block.setTokens(1025)),
        fault("wider format", Reason.MALFORMED, block -> block.setFormat(ElementFormat.FLOAT32)),
        fault("gap", Reason.GAP, block -> block.setFirstToken(TAKEN + 1L)),
        fault("negative token", Reason.OUT_OF_RANGE, block -> block.setFirstToken(-1L)),
        fault(
            "token beyond 12 digits", Reason.OUT_OF_RANGE, block -> block.setFirstToken(1L << 60)),
        fault("negative time", Reason.BAD_TIME, block -> block.setTimeMicros(-1L)),
        fault("time beyond 9999", Reason.BAD_TIME, block -> block.setTimeMicros(1L << 62)),
        fault("infinity", Reason.NOT_FINITE, block -> element(block, 0x7c00)),
        fault("negative infinity", Reason.NOT_FINITE, block -> element(block, 0xfc00)),
        fault("NaN", Reason.NOT_FINITE, block -> element(block, 0x7e01)),
        rotary("rotary state changed", Reason.INCONSISTENT, rotary -> rotary.setState(before())),
        rotary("rotary base changed", Reason.INCONSISTENT, rotary -> rotary.setBase(5e5)),
        rotary("fewer channels turn", Reason.INCONSISTENT, rotary -> rotary.setDimensions(8)),
        rotary("odd number turns", Reason.WRONG_DIMENSION, rotary -> rotary.setDimensions(15)),
        rotary("more turn than are", Reason.WRONG_DIMENSION, rotary -> rotary.setDimensions(18)),
        rotary("none turn", Reason.WRONG_DIMENSION, rotary -> rotary.setDimensions(0)),
        rotary("base NaN", Reason.OUT_OF_RANGE, rotary -> rotary.setBase(Double.NaN)),
        rotary("base 0", Reason.OUT_OF_RANGE, rotary -> rotary.setBase(0.0)),
        rotary(
            "too few factors",
            Reason.WRONG_DIMENSION,
            rotary -> rotary.setFrequencyScale(List.of(1.0, 2.0))),
        rotary(
            "factor 0",
            Reason.OUT_OF_RANGE,
            rotary ->
                rotary.setFrequencyScale(new ArrayList<>(List.of(1., 1., 1., 1., 1., 1., 1., 0.)))),
        fault("turned values", Reason.MALFORMED, block -> block.setKind(TensorKind.VALUES)));
  }

  private static ElementFormat brain() {
    return ElementFormat.BFLOAT16;
  }

  private static RotaryState before() {
    return RotaryState.BEFORE;
  }

  private static void element(KeyValueBlock block, int half) {
    ByteBuffer elements = block.getElements().order(ByteOrder.LITTLE_ENDIAN);
    elements.putShort(elements.limit() - 2, (short) half);
  }

  static List<Arguments> planted() {
    return faults().stream()
        .map(fault -> Arguments.of(fault.name(), fault.reason(), fault.plant()))
        .toList();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("planted")
  void aPlantedFaultIsRefusedWithItsReason(
      String name, Reason reason, Consumer<KeyValueBlock> plant) {
    WindowRun run = run();
    run.send(TAKEN, SECOND);
    byte[][] before = run.sections();
    CacheInput.Block block = (CacheInput.Block) run.block(TensorKind.KEYS, TAKEN, 2, SECOND);
    plant.accept(block.block());
    InvalidInputException refusal = refused(run, block);
    assertEquals(reason, refusal.reason(), refusal.getMessage());
    assertTrue(refusal.getMessage().length() > 20, refusal.getMessage());
    assertSame(before, run.sections(), name);
    run.accept(run.block(TensorKind.KEYS, TAKEN, 2, SECOND));
  }

  @Test
  void valuesThatSquaresOfWouldOverflowAreRefused() {
    TensorLayout floats = CacheRecords.layout(ElementFormat.FLOAT32, CacheRecords.none());
    WindowRun run = new WindowRun(run().settings(), GROUP, floats, Models.NONE);
    for (float wild : new float[] {1.1e15f, -3e38f, Float.NaN, Float.NEGATIVE_INFINITY}) {
      CacheInput.Block block = (CacheInput.Block) run.block(TensorKind.KEYS, 0, 2, SECOND);
      ByteBuffer elements = block.block().getElements().order(ByteOrder.LITTLE_ENDIAN);
      elements.putFloat(17 * Float.BYTES, wild);
      InvalidInputException refusal = refused(run, block);
      assertEquals(Reason.NOT_FINITE, refusal.reason());
      assertTrue(refusal.getMessage().contains("element 17 "), refusal.getMessage());
    }
  }

  @Test
  void momentsAreCheckedToo() {
    WindowRun run = run();
    run.send(1, SECOND);
    Map<Reason, Function<QueryMoments, QueryMoments>> faults = new EnumMap<>(Reason.class);
    faults.put(
        Reason.MALFORMED,
        moments -> {
          moments.setQueries(0);
          return moments;
        });
    faults.put(
        Reason.WRONG_DIMENSION,
        moments -> {
          moments.getMeanSquares().remove(0);
          return moments;
        });
    faults.put(
        Reason.NOT_FINITE,
        moments -> {
          moments.getMeanSquares().set(3, -1f);
          return moments;
        });
    faults.put(
        Reason.BAD_KEY,
        moments -> {
          moments.getGroup().setSession("other");
          return moments;
        });
    faults.forEach(
        (reason, plant) ->
            assertEquals(
                reason,
                refused(
                        run,
                        new CacheInput.Moments(
                            plant.apply(CacheRecords.moments(GROUP, 1f, SECOND))))
                    .reason()));
  }

  @Test
  void aWindowTooLargeForTheWidestTokensIsRefusedAtTheStart() {
    KeyValueSettings fitting = new KeyValueTestSettings().window(65_535, 4096, 0).build();
    KeyValueSettings.Limits wide = new KeyValueSettings.Limits(1024, 64);
    IllegalArgumentException refusal =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new KeyValueSettings(
                    fitting.window(), fitting.tiers(), fitting.lifetime(), fitting.bases(), wide));
    assertTrue(refusal.getMessage().contains("71302144"), refusal.getMessage());
  }

  /** Faults and damaged bytes between the blocks of a run, which ends as if they had not been. */
  @Test
  void tenThousandHostileBlocksLeaveNoTrace() {
    WindowRun plain = run();
    WindowRun hostile = run();
    Random random = new Random(SEED);
    Map<Reason, Integer> refusals = new HashMap<>();
    int unreadable = 0;
    long micros = SECOND;
    List<Fault> faults = faults();
    for (int sent = 0, refused = 0; refused < HOSTILE; sent++) {
      micros += random.nextInt(100_000);
      TensorKind kind = TensorKind.values()[sent % 2];
      int tokens = 1 + random.nextInt(3);
      plain.send(kind, tokens, micros);
      hostile.send(kind, tokens, micros);
      byte[][] before = hostile.sections();
      for (int i = 0; i < 25; i++) {
        KeyValueBlock block = next(hostile, micros);
        Fault fault = faults.get(random.nextInt(faults.size()));
        boolean planted = random.nextBoolean() && !fault.name().equals("gap");
        if (planted) {
          fault.plant().accept(block);
        }
        byte[] bytes = CacheRecords.BLOCKS.encode(block);
        if (!planted) {
          int flips = 1 + random.nextInt(3);
          for (int flip = 0; flip < flips; flip++) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
          }
        }
        KeyValueBlock read;
        try {
          read = CacheRecords.BLOCKS.decode(bytes);
        } catch (UnreadableRecordException e) {
          unreadable++;
          refused++;
          continue;
        }
        if (planted || !isTaken(hostile, read)) {
          Reason reason = refused(hostile, new CacheInput.Block(read)).reason();
          refusals.merge(reason, 1, Integer::sum);
          refused++;
        }
      }
      assertSame(before, hostile.sections(), "after block " + sent + " of seed " + SEED);
    }
    assertEquals(plain.outputs.size(), hostile.outputs.size());
    for (int i = 0; i < plain.outputs.size(); i++) {
      assertArrayEquals(
          CacheRecords.bytes(plain.outputs.get(i)), CacheRecords.bytes(hostile.outputs.get(i)));
    }
    assertSame(plain.sections(), hostile.sections(), "at the end");
    assertFalse(plain.summaries().isEmpty());
    assertTrue(unreadable > 100, unreadable + " unreadable");
    for (Reason reason :
        List.of(
            Reason.BAD_KEY,
            Reason.WRONG_DIMENSION,
            Reason.NOT_FINITE,
            Reason.OUT_OF_RANGE,
            Reason.BAD_TIME,
            Reason.GAP,
            Reason.INCONSISTENT,
            Reason.TOO_LARGE,
            Reason.MALFORMED)) {
      assertTrue(refusals.getOrDefault(reason, 0) > 20, reason + ": " + refusals);
    }
  }

  private static KeyValueBlock next(WindowRun run, long micros) {
    PagedTensor keys = run.state.tensorOrNull(TensorKind.KEYS);
    return ((CacheInput.Block) run.block(TensorKind.KEYS, keys.window.next(), 2, micros)).block();
  }

  /** Whether a damaged block is still a block: asked of a copy of the state. */
  private static boolean isTaken(WindowRun run, KeyValueBlock block) {
    KeyValueState copy = new KeyValueStateCodec().decode(run.sections());
    try {
      run.operator.accept(copy, new CacheInput.Block(block), 0, Models.NONE, output -> {});
      return true;
    } catch (InvalidInputException e) {
      return false;
    }
  }

  private static InvalidInputException refused(WindowRun run, CacheInput input) {
    return assertThrows(
        InvalidInputException.class,
        () ->
            run.operator.accept(
                run.state, input, 0, Models.NONE, output -> fail("output of a refused block")));
  }

  private static void assertSame(byte[][] expected, byte[][] got, String place) {
    for (int section = 0; section < expected.length; section++) {
      assertArrayEquals(expected[section], got[section], place + ", section " + section);
    }
  }
}
