package io.millrace.schema;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.millrace.schema.UnreadableRecordException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SingleObjectTest {

  static Stream<SpecificRecord> examples() {
    Tensor tensor =
        new Tensor(
            DataType.FLOAT32,
            List.of(1, 2),
            ByteBuffer.wrap(new byte[] {0, 0, -128, 63, 0, 0, 0, 64}));
    return Stream.concat(
        FilledRecords.all(),
        Stream.of(
            new SensorReading(1_767_225_600_000_000L, List.of(1.5f, -2.25f), List.of(1)),
            SparseCode.newBuilder()
                .setStartMicros(1_767_225_600_000_000L)
                .setSpanMicros(175_000L)
                .setLength(64)
                .setDictionary(null)
                .setDictionaryVersion(3)
                .setMean(List.of(0.5f))
                .setScale(List.of(2f))
                .setAtoms(List.of(3, 1))
                .setCoefficients(List.of(-40, 7))
                .setCoefficientStep(0.01f)
                .setMissing(List.of(2, 1))
                .setErrorBound(List.of(0.05f))
                .setExceptions(List.of(1, -2))
                .setRaw(null)
                .setResidual(0.125f)
                .setAnomalyScore(0.75f)
                .build(),
            Anomaly.newBuilder()
                .setKind(AnomalyKind.DRIFT)
                .setStartMicros(5)
                .setSpanMicros(6)
                .setScore(1.5f)
                .setThreshold(1f)
                .setResidual(0.25f)
                .setPeakMicros(7)
                .setPeakChannel(0)
                .setDictionary("plant")
                .setDictionaryVersion(9)
                .setReaction("statistics scaled by 0.02")
                .build(),
            DictionaryVersion.newBuilder()
                .setDictionary("plant")
                .setVersion(2)
                .setCause(VersionCause.ROUND)
                .setLearner("odl")
                .setLength(2)
                .setChannels(1)
                .setAtomCount(1)
                .setFirstAtom(0)
                .setAtoms(tensor)
                .setUsage(List.of(0.5f))
                .setWindows(64)
                .setTimeMicros(8)
                .setRelativeError(0.5f)
                .setReplacedAtoms(1)
                .build(),
            DictionaryStatistics.newBuilder()
                .setDictionary("plant")
                .setVersion(2)
                .setContributor("a")
                .setSequence(0)
                .setLength(2)
                .setChannels(1)
                .setAtomCount(2)
                .setFirstAtom(0)
                .setCodeProducts(tensor)
                .setRecordProducts(tensor)
                .setUsage(List.of(1f))
                .setWindows(3)
                .setEnergy(1.5)
                .setResidualEnergy(0.5)
                .setMedianEnergy(0.75f)
                .setCandidates(tensor)
                .setCandidateEnergy(List.of(0.25f))
                .setTimeMicros(4)
                .build(),
            new DeadLetter(
                "ecg",
                "NOT_FINITE",
                "value 0 is NaN, expected a finite number",
                "ecg.readings",
                1,
                42L,
                1_767_225_600_000L,
                ByteBuffer.wrap(new byte[] {97}),
                ByteBuffer.wrap(new byte[] {1, 2}),
                2L),
            new Metric("ecg", "state.bytes", Map.of("engine", "kafka-streams"), 7L, 4096.0),
            new KeyValueBlock(
                GROUP,
                TensorKind.KEYS,
                ROTARY,
                ElementFormat.BFLOAT16,
                64L,
                1,
                9L,
                bytes(1, 2, 3, 4)),
            new SessionEnd(GROUP, 10L),
            new QueryMoments(GROUP, 11L, 5L, List.of(0.5f, 2f)),
            page(),
            new KeyValueSummary(
                GROUP,
                0,
                ROTARY,
                1,
                7L,
                4L,
                32L,
                -3,
                bytes(0, 0, 128, 63),
                bytes(0, 0, 0, 64),
                12L),
            KeyValueSample.newBuilder()
                .setBasis("m/w/3/K/0")
                .setModel("m")
                .setWeights("w")
                .setLayer(3)
                .setKind(TensorKind.KEYS)
                .setFirstHead(0)
                .setHeads(1)
                .setHeadDimension(2)
                .setRotary(ROTARY)
                .setFormat(ElementFormat.FLOAT16)
                .setTokens(1)
                .setTimeMicros(13)
                .setElements(bytes(0, 60, 0, 188))
                .build(),
            BasisVersion.newBuilder()
                .setBasis("m/w/3/K/0")
                .setVersion(2)
                .setCause(BasisCause.GAIN)
                .setHeads(1)
                .setHeadDimension(2)
                .setRotary(ROTARY)
                .setComponentCount(1)
                .setFirstComponent(0)
                .setMean(bytes(0, 60, 0, 0))
                .setChannelDeviations(bytes(0, 64, 0, 60))
                .setDeviations(bytes(0, 0, 128, 63))
                .setComponents(bytes(0, 60, 0, 0))
                .setVectors(640.5)
                .setCodingGainBits(0.25f)
                .setTimeMicros(14)
                .build(),
            HeadBudget.newBuilder()
                .setBasis("m/w/3/K/0")
                .setVersion(1)
                .setKind(TensorKind.KEYS)
                .setFirstHead(0)
                .setEntropies(List.of(0.75f))
                .setWaterBits(List.of(2.5f))
                .setBits(List.of(3f))
                .setTotalBits(3f)
                .setTimeMicros(15)
                .build()));
  }

  private static final HeadGroup GROUP =
      new HeadGroup("acme", "m", "0123456789abcdef", "chat-1", 3, 0, 1, 2);
  private static final RotaryPosition ROTARY =
      new RotaryPosition(RotaryState.BEFORE, RotaryPairing.HALVES, 500_000.0, 2, List.of(0.5));

  private static KeyValuePage page() {
    return KeyValuePage.newBuilder()
        .setGroup(GROUP)
        .setKind(TensorKind.KEYS)
        .setRotary(ROTARY)
        .setFormat(ElementFormat.FLOAT16)
        .setFirstToken(64)
        .setTokens(1)
        .setTier(PageTier.FINE)
        .setCodec("transform-2.2")
        .setBasis("m/w/3/K/0")
        .setBasisVersion(2)
        .setRelativeError(0.125f)
        .setBitsPerValue(2.25f)
        .setSequence(2)
        .setContentHash(bytes(1))
        .setPreviousHash(bytes(2))
        .setChainHash(bytes(3))
        .setTimeMicros(16)
        .setChecksum(bytes(4, 3, 2, 1))
        .setFrame(bytes('K', 'V'))
        .build();
  }

  private static ByteBuffer bytes(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length);
    for (int value : values) {
      bytes.put((byte) value);
    }
    return bytes.flip();
  }

  @ParameterizedTest
  @MethodSource("examples")
  void goldenBytesOfEveryRecordDecodeAndAreWrittenAgain(SpecificRecord example) throws IOException {
    String name = "/golden/" + example.getClass().getSimpleName() + ".1.bin";
    try (InputStream file = getClass().getResourceAsStream(name)) {
      assertNotNull(file, "golden file " + name + " is missing");
      byte[] golden = file.readAllBytes();

      assertEquals(example, decode(example.getClass(), golden));
      assertArrayEquals(golden, encode(example), name);
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void everyTruncationIsRefusedByKind(SpecificRecord example) {
    byte[] bytes = encode(example);

    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = java.util.Arrays.copyOf(bytes, length);
      assertThrows(
          UnreadableRecordException.class,
          () -> decode(example.getClass(), cut),
          "length " + length);
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void damagedBytesAreDecodedOrRefusedButNeverCrash(SpecificRecord example) {
    byte[] bytes = encode(example);
    Random random = new Random(5);

    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = bytes.clone();
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        damaged[10 + random.nextInt(bytes.length - 10)] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        decode(example.getClass(), damaged);
      } catch (UnreadableRecordException e) {
        assertEquals(Kind.MALFORMED, e.kind());
      }
    }
  }

  @Test
  void kindOfDamageIsNamed() {
    SingleObject<SensorReading> framing = SingleObject.of(SensorReading.class);
    byte[] good = framing.encode(new SensorReading(1L, List.of(1f), List.of()));
    byte[] unknown = good.clone();
    unknown[5] ^= 1;
    byte[] longer = java.util.Arrays.copyOf(good, good.length + 1);

    assertEquals(Kind.EMPTY, kind(framing, new byte[0]));
    assertEquals(Kind.EMPTY, kind(framing, null));
    assertEquals(Kind.BAD_FRAMING, kind(framing, new byte[] {1, 2, 3}));
    assertEquals(Kind.UNKNOWN_SCHEMA, kind(framing, unknown));
    assertEquals(Kind.MALFORMED, kind(framing, longer));
    assertEquals(
        Kind.WRONG_SCHEMA,
        kind(
            framing,
            SingleObject.of(Metric.class).encode(new Metric("p", "n", Map.of(), 1L, 2.0))));
  }

  @Test
  void hugeDeclaredCountIsRefusedWithoutAllocatingIt() {
    byte[] good =
        SingleObject.of(SensorReading.class).encode(new SensorReading(1L, List.of(1f), List.of()));
    byte[] hostile = java.util.Arrays.copyOf(good, 17);
    // time 1, then an array block that claims 2^30 floats
    System.arraycopy(new byte[] {2, -128, -128, -128, -128, 8, 0}, 0, hostile, 10, 7);

    assertEquals(Kind.MALFORMED, kind(SingleObject.of(SensorReading.class), hostile));
  }

  private static Kind kind(SingleObject<SensorReading> framing, byte[] bytes) {
    return assertThrows(UnreadableRecordException.class, () -> framing.decode(bytes)).kind();
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }

  private static SpecificRecord decode(Class<? extends SpecificRecord> type, byte[] bytes) {
    return SingleObject.of(type).decode(bytes);
  }
}
