package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.app.replay.KeyedReading;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.Metric;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes bad records out of good readings, each with the reason it must be refused for. */
final class BadRecords {
  private static final int HEADER_BYTES = SingleObject.HEADER_BYTES;
  private static final int HUGE_VALUES = 10 * (1 << 20) / Float.BYTES;
  private static final long FIRST_LATE_MICROS = 1;

  private final Random random;
  private final SingleObject<SensorReading> readings = SingleObject.of(SensorReading.class);
  private final SingleObject<Metric> metrics = SingleObject.of(Metric.class);
  private final List<Kind> kinds;
  private int next;

  /**
   * A record as bytes.
   *
   * @param key null: none
   * @param value null: none
   * @param reason why it is to be refused
   */
  record Bad(byte[] key, byte[] value, Reason reason, String kind) {}

  private interface Kind {
    Bad make(byte[] key, SensorReading good);
  }

  BadRecords(Random random) {
    this.random = random;
    this.kinds =
        List.of(
            this::truncated,
            this::flippedHeader,
            this::flippedBody,
            this::otherSchema,
            this::notFinite,
            this::otherDimension,
            this::badTime,
            this::unknownFingerprint,
            this::empty,
            this::trailing,
            this::text,
            this::outOfRange,
            this::missingOutOfOrder,
            this::hugeCount,
            this::duplicate,
            this::late,
            this::badKey);
  }

  /**
   * The next bad record, kinds in turn.
   *
   * @param good the newest good reading that was sent for its sensor
   */
  Bad next(KeyedReading good) {
    Kind kind = kinds.get(next++ % kinds.size());
    return kind.make(good.sensor().getBytes(UTF_8), good.reading());
  }

  /** A reading of 10 MiB. */
  Bad huge(KeyedReading good) {
    List<Float> values = Collections.nCopies(HUGE_VALUES, 1f);
    SensorReading reading = new SensorReading(later(good.reading()), values, List.of());
    return new Bad(
        good.sensor().getBytes(UTF_8), readings.encode(reading), Reason.TOO_LARGE, "10 MiB");
  }

  private Bad truncated(byte[] key, SensorReading good) {
    byte[] whole = valid(good);
    int length = random.nextInt(whole.length);
    Reason reason =
        length == 0 ? Reason.EMPTY : length < HEADER_BYTES ? Reason.BAD_FRAMING : Reason.MALFORMED;
    return new Bad(key, Arrays.copyOf(whole, length), reason, "truncated to " + length);
  }

  private Bad flippedHeader(byte[] key, SensorReading good) {
    byte[] value = valid(good);
    int bit = random.nextInt(HEADER_BYTES * Byte.SIZE);
    flip(value, bit);
    return new Bad(
        key,
        value,
        bit < 2 * Byte.SIZE ? Reason.BAD_FRAMING : Reason.UNKNOWN_SCHEMA,
        "header bit " + bit);
  }

  /** Flips that leave a readable record are no damage that anybody could see: drawn again. */
  private Bad flippedBody(byte[] key, SensorReading good) {
    while (true) {
      byte[] value = valid(good);
      int bit = HEADER_BYTES * Byte.SIZE + random.nextInt((value.length - HEADER_BYTES) * 8);
      flip(value, bit);
      if (!isReadable(value)) {
        return new Bad(key, value, Reason.MALFORMED, "body bit " + bit);
      }
    }
  }

  /** Avro's binary form of a reading, walked by hand: the judge must not be what is judged. */
  private static boolean isReadable(byte[] value) {
    ByteBuffer body = ByteBuffer.wrap(value, HEADER_BYTES, value.length - HEADER_BYTES);
    try {
      number(body);
      for (long count = number(body); count != 0; count = number(body)) {
        long floats = count < 0 ? -count : count;
        if (count < 0) {
          number(body);
        }
        body.position(Math.toIntExact(body.position() + Math.multiplyExact(floats, 4L)));
      }
      for (long count = number(body); count != 0; count = number(body)) {
        if (count < 0) {
          number(body);
        }
        for (long i = Math.abs(count); i > 0; i--) {
          number(body);
        }
      }
      return !body.hasRemaining();
    } catch (BufferUnderflowException | IllegalArgumentException | ArithmeticException e) {
      return false;
    }
  }

  /** A variable-length zigzag number. */
  private static long number(ByteBuffer body) {
    long bits = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = body.get();
      bits |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return bits >>> 1 ^ -(bits & 1);
      }
    }
    throw new IllegalArgumentException("number has more than 10 bytes");
  }

  private Bad otherSchema(byte[] key, SensorReading good) {
    Metric metric = new Metric("pipeline", "name", Map.of(), good.getTimeMicros() / 1000, 1.0);
    return new Bad(key, metrics.encode(metric), Reason.WRONG_SCHEMA, "metric");
  }

  private Bad notFinite(byte[] key, SensorReading good) {
    float value =
        List.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY).get(random.nextInt(3));
    return reading(
        key, later(good), replaced(good, value), List.of(), Reason.NOT_FINITE, "value " + value);
  }

  private Bad otherDimension(byte[] key, SensorReading good) {
    int channels = List.of(0, 1, 3, 1000).get(random.nextInt(4));
    return reading(
        key,
        later(good),
        Collections.nCopies(channels, 1f),
        List.of(),
        Reason.WRONG_DIMENSION,
        channels + " channels");
  }

  private Bad badTime(byte[] key, SensorReading good) {
    long micros = List.of(-1L, Long.MIN_VALUE, Long.MAX_VALUE).get(random.nextInt(3));
    return reading(key, micros, good.getValues(), List.of(), Reason.BAD_TIME, "time " + micros);
  }

  private Bad unknownFingerprint(byte[] key, SensorReading good) {
    byte[] value = valid(good);
    ByteBuffer.wrap(value).putLong(2, random.nextLong());
    return new Bad(key, value, Reason.UNKNOWN_SCHEMA, "random fingerprint");
  }

  private Bad empty(byte[] key, SensorReading good) {
    return new Bad(key, random.nextBoolean() ? null : new byte[0], Reason.EMPTY, "empty");
  }

  private Bad trailing(byte[] key, SensorReading good) {
    byte[] whole = valid(good);
    byte[] longer = Arrays.copyOf(whole, whole.length + 1 + random.nextInt(20));
    return new Bad(key, longer, Reason.MALFORMED, "bytes left over");
  }

  private Bad text(byte[] key, SensorReading good) {
    String json = "{\"time\": " + good.getTimeMicros() + ", \"values\": " + good.getValues() + "}";
    return new Bad(key, json.getBytes(UTF_8), Reason.BAD_FRAMING, "JSON");
  }

  private Bad outOfRange(byte[] key, SensorReading good) {
    return reading(
        key, later(good), replaced(good, 3e38f), List.of(), Reason.OUT_OF_RANGE, "value 3e38");
  }

  private Bad missingOutOfOrder(byte[] key, SensorReading good) {
    List<Integer> missing = random.nextBoolean() ? List.of(1, 0) : List.of(7);
    return reading(
        key, later(good), good.getValues(), missing, Reason.MALFORMED, "missing " + missing);
  }

  /** A few bytes that declare two billion values. */
  private Bad hugeCount(byte[] key, SensorReading good) {
    byte[] head = Arrays.copyOf(valid(good), HEADER_BYTES);
    ByteBuffer value = ByteBuffer.allocate(HEADER_BYTES + 6);
    value.put(head).put((byte) 2);
    value.put(new byte[] {(byte) 0xFE, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x0F});
    return new Bad(key, value.array(), Reason.MALFORMED, "two billion values declared");
  }

  private Bad duplicate(byte[] key, SensorReading good) {
    return new Bad(key, valid(good), Reason.DUPLICATE, "duplicate");
  }

  private Bad late(byte[] key, SensorReading good) {
    return reading(key, FIRST_LATE_MICROS, good.getValues(), List.of(), Reason.LATE, "late");
  }

  private Bad badKey(byte[] key, SensorReading good) {
    byte[] bad =
        switch (random.nextInt(4)) {
          case 0 -> null;
          case 1 -> new byte[0];
          case 2 -> new byte[] {(byte) 0xC3, 0x28};
          default -> new byte[5000];
        };
    SensorReading reading = new SensorReading(later(good), good.getValues(), List.of());
    return new Bad(
        bad,
        readings.encode(reading),
        Reason.BAD_KEY,
        "key of " + (bad == null ? "no" : bad.length) + " bytes");
  }

  private Bad reading(
      byte[] key,
      long micros,
      List<Float> values,
      List<Integer> missing,
      Reason reason,
      String kind) {
    return new Bad(key, readings.encode(new SensorReading(micros, values, missing)), reason, kind);
  }

  private byte[] valid(SensorReading good) {
    return readings.encode(good);
  }

  private static long later(SensorReading good) {
    return good.getTimeMicros() + 1;
  }

  private List<Float> replaced(SensorReading good, float value) {
    List<Float> values = new ArrayList<>(good.getValues());
    values.set(random.nextInt(values.size()), value);
    return values;
  }

  private static void flip(byte[] bytes, int bit) {
    bytes[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
  }
}
