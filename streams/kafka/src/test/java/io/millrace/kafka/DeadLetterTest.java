package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.kafka.Readings.Reading;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.runtime.OperatorStep;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

final class DeadLetterTest {
  private static final String PIPELINE =
      "{name: p, channels: 2, window: {length: 8, idle-flush-millis: 100}, atoms: 16}";
  private static final String SHARED =
      PIPELINE.replace("atoms", "shared-dictionary: shapes, atoms");

  /** Bounds of the driver's engine settings. */
  private static final int KEPT_BYTES = 256;

  private static final int MAXIMUM_BYTES = 64 * 1024;

  private static final byte[] KEY = {'k'};
  private static final long NOW = 5_000;

  private record Bad(Reason reason, byte[] key, byte[] value) {}

  private final SingleObject<DeadLetter> letters = SingleObject.of(DeadLetter.class);

  @Test
  void namesTrueReasonAndOriginOfEachKindOfBadRecordAndKeepsState() {
    try (PipelineDriver driver = new PipelineDriver(PIPELINE, Models.NONE)) {
      driver.pipe(KEY, reading(NOW * 1000, 1f, 2f), NOW);
      driver.takeChangelogRecords();
      Map<String, List<String>> state = driver.state();
      List<Bad> all = badRecords();
      long offset = 1;
      for (Bad bad : all) {
        driver.pipe(bad.key(), bad.value(), NOW + offset);
        assertEquals(offset, driver.outputs.size(), "one dead letter for " + bad.reason());
        DeadLetter letter = last(driver);
        assertEquals(bad.reason().name(), letter.getReason());
        assertEquals("p", letter.getOperator());
        assertEquals("p.readings", letter.getTopic());
        assertEquals(0, letter.getPartition());
        assertEquals(offset, letter.getOffset());
        assertEquals(NOW + offset, letter.getTimeMillis());
        assertFalse(letter.getMessage().isBlank());
        assertOriginal(bad.key(), letter.getKey(), 1024);
        assertOriginal(bad.value(), letter.getValue(), KEPT_BYTES);
        assertEquals(bad.value() == null ? -1 : bad.value().length, letter.getValueBytes());
        assertEquals(0, driver.takeChangelogRecords(), "state after " + bad.reason());
        offset++;
      }
      assertEquals(state, driver.state());
      Set<Reason> seen = EnumSet.noneOf(Reason.class);
      all.forEach(bad -> seen.add(bad.reason()));
      // of a sensor's readings there are no others
      EnumSet<Reason> other =
          EnumSet.of(
              Reason.UNKNOWN_MODEL,
              Reason.GAP,
              Reason.ENDED,
              Reason.INCONSISTENT,
              Reason.UNAUTHORISED);
      assertEquals(EnumSet.complementOf(other), seen);
      assertEquals(3, driver.counter("millrace.dead.letters", "reason", "BAD_KEY"));
      driver.pipe(KEY, reading(NOW * 1000 + 1, 1f, 2f), NOW + 1);
      assertEquals(offset - 1, driver.outputs.size(), "the stream goes on");
    }
  }

  @Test
  void givesTheGoodRecordsAmongBadOnesTheSameOutputs() {
    List<Reading> good = twoChannels(200);
    List<PipelineDriver.Output> expected;
    try (PipelineDriver driver = new PipelineDriver(PIPELINE, Models.NONE)) {
      good.forEach(r -> driver.pipe(r.key(), r.value(), r.timeMillis()));
      expected = List.copyOf(driver.outputs);
    }
    long seed = 11;
    Random random = new Random(seed);
    try (PipelineDriver driver = new PipelineDriver(PIPELINE, Models.NONE)) {
      int bad = 0;
      for (Reading reading : good) {
        byte[] key = random.nextBoolean() ? reading.key() : new byte[] {'n', 'e', 'w'};
        for (byte[] value : List.of(cut(random, reading.value()), noise(random))) {
          driver.pipe(key, value, reading.timeMillis());
          bad++;
        }
        driver.pipe(reading.key(), reading.value(), reading.timeMillis());
      }
      assertEquals(bad, driver.outputs("dead-letters").size(), "seed " + seed);
      driver.outputs.removeAll(driver.outputs("dead-letters"));
      assertEquals(expected, driver.outputs, "seed " + seed);
      assertEquals(1, driver.gauge("millrace.keys"), "bad records make no states");
    }
  }

  @Test
  void refusesStatisticsOfAnUnknownVersionInTheMergeStage() {
    // the merge stage reads what the sensors send: take one of their records and change its version
    SingleObject<DictionaryStatistics> framing = SingleObject.of(DictionaryStatistics.class);
    String yaml = SHARED.replace("atoms: 16", "atoms: 16, rounds: {first-windows: 2}");
    try (PipelineDriver driver = new PipelineDriver(yaml, Models.NONE)) {
      twoChannels(40).forEach(r -> driver.pipe(r.key(), r.value(), r.timeMillis()));
      DictionaryStatistics sums = framing.decode(driver.outputs("statistics").get(0).value().get());
      assertEquals(0, driver.outputs("dead-letters").size());
      sums.setVersion(99);
      driver.pipeTo("statistics", "shapes".getBytes(), framing.encode(sums), NOW);
      DeadLetter letter = last(driver);
      assertEquals("UNKNOWN_MODEL", letter.getReason());
      assertEquals("p.statistics", letter.getTopic());
    }
  }

  @Test
  void boundsAHugeKey() {
    try (PipelineDriver driver = new PipelineDriver(PIPELINE, Models.NONE)) {
      driver.pipe(new byte[1 << 20], reading(1, 1f, 2f), NOW);
      assertEquals(1024, last(driver).getKey().remaining());
      assertEquals(1024, driver.outputs.get(0).key().length());
    }
  }

  @Test
  void keepsALegalKeyWholeAlsoWhereOriginalsAreCutShorter() {
    byte[] longest = "x".repeat(OperatorStep.MAXIMUM_KEY_BYTES).getBytes();
    try (PipelineDriver driver = new PipelineDriver(PIPELINE, Models.NONE)) {
      driver.pipe(longest, new byte[] {1}, NOW);
      assertOriginal(longest, last(driver).getKey(), longest.length);
      assertTrue(longest.length > KEPT_BYTES);
    }
  }

  @Test
  void takesARecordWithoutATimestampAsOneOfTimeZero() {
    assertEquals(
        0, new RecordTime().extract(new ConsumerRecord<Object, Object>("t", 0, 0, "k", "v"), 7));
  }

  private static List<Bad> badRecords() {
    byte[] fine = reading(NOW * 1000 + 10, 1f, 2f);
    byte[] unknown = fine.clone();
    unknown[5]++;
    byte[] longer = Arrays.copyOf(fine, fine.length + 1);
    return List.of(
        new Bad(Reason.EMPTY, KEY, null),
        new Bad(Reason.EMPTY, KEY, new byte[0]),
        new Bad(Reason.BAD_KEY, null, fine),
        new Bad(Reason.BAD_KEY, new byte[0], fine),
        new Bad(Reason.BAD_KEY, new byte[] {(byte) 0xFF}, fine),
        new Bad(Reason.TOO_LARGE, KEY, new byte[MAXIMUM_BYTES + 1]),
        new Bad(Reason.BAD_FRAMING, KEY, "plain text".getBytes()),
        new Bad(Reason.BAD_FRAMING, KEY, new byte[MAXIMUM_BYTES]),
        new Bad(Reason.UNKNOWN_SCHEMA, KEY, unknown),
        new Bad(Reason.WRONG_SCHEMA, KEY, code()),
        new Bad(Reason.MALFORMED, KEY, Arrays.copyOf(fine, fine.length - 2)),
        new Bad(Reason.MALFORMED, KEY, longer),
        new Bad(Reason.WRONG_DIMENSION, KEY, reading(NOW * 1000 + 10, 1f)),
        new Bad(Reason.WRONG_DIMENSION, KEY, reading(NOW * 1000 + 10, 1f, 2f, 3f)),
        new Bad(Reason.NOT_FINITE, KEY, reading(NOW * 1000 + 10, 1f, Float.NaN)),
        new Bad(Reason.NOT_FINITE, KEY, reading(NOW * 1000 + 10, Float.NEGATIVE_INFINITY, 1f)),
        new Bad(Reason.OUT_OF_RANGE, KEY, reading(NOW * 1000 + 10, 1e31f, 1f)),
        new Bad(Reason.BAD_TIME, KEY, reading(-1, 1f, 2f)),
        new Bad(Reason.BAD_TIME, KEY, reading(Long.MIN_VALUE, 1f, 2f)),
        new Bad(Reason.BAD_TIME, KEY, reading(Long.MAX_VALUE, 1f, 2f)),
        new Bad(Reason.DUPLICATE, KEY, reading(NOW * 1000, 1f, 2f)),
        new Bad(Reason.LATE, KEY, reading(NOW * 1000 - 1, 1f, 2f)),
        // a key without a state
        new Bad(Reason.NOT_FINITE, new byte[] {'z'}, reading(NOW * 2000, 1f, Float.NaN)));
  }

  private static List<Reading> twoChannels(int steps) {
    Random random = new Random(3);
    return java.util.stream.IntStream.range(0, steps)
        .mapToObj(
            step ->
                Readings.reading(
                    "k", NOW + step * 10L, (float) Math.sin(step), (float) random.nextGaussian()))
        .toList();
  }

  private static byte[] cut(Random random, byte[] value) {
    return Arrays.copyOf(value, random.nextInt(value.length));
  }

  private static byte[] noise(Random random) {
    byte[] noise = new byte[1 + random.nextInt(600)];
    random.nextBytes(noise);
    return noise;
  }

  private static byte[] reading(long timeMicros, Float... values) {
    return Readings.bytes(timeMicros, values);
  }

  private static byte[] code() {
    SparseCode code = new SparseCode();
    code.setMean(List.of());
    code.setScale(List.of());
    code.setAtoms(List.of());
    code.setCoefficients(List.of());
    code.setMissing(List.of());
    code.setErrorBound(List.of());
    code.setExceptions(List.of());
    return SingleObject.of(SparseCode.class).encode(code);
  }

  private DeadLetter last(PipelineDriver driver) {
    List<PipelineDriver.Output> all = driver.outputs("dead-letters");
    return letters.decode(all.get(all.size() - 1).value().get());
  }

  private static void assertOriginal(byte[] original, ByteBuffer kept, int bound) {
    if (original == null) {
      assertNull(kept);
      return;
    }
    byte[] bytes = new byte[kept.remaining()];
    kept.duplicate().get(bytes);
    assertArrayEquals(Arrays.copyOf(original, Math.min(original.length, bound)), bytes);
    assertTrue(bytes.length <= bound);
  }
}
