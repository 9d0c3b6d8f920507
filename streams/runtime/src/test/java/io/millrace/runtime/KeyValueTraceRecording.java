package io.millrace.runtime;

import io.millrace.runtime.Trace.Event;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Records the traces of a KV cache anew, for {@link TraceRecording}: four sessions over two
 * partitions whose blocks are cut by chance, sent twice, damaged or left out, one that ends, one
 * that falls silent.
 */
final class KeyValueTraceRecording {
  private static final int HEADS = 2;
  private static final int HEAD_DIMENSION = 8;
  private static final int CHANNELS = HEADS * HEAD_DIMENSION;
  private static final int SESSIONS = 4;
  private static final int PARTITIONS = 2;
  private static final int ROUNDS = 30;
  private static final long START_MILLIS = 1_700_000_000_000L;
  private static final long STEP_MILLIS = 400;

  /** Model versions reach the window so many records after they were published. */
  private static final int MODEL_DELAY = 5;

  private final SingleObject<KeyValueBlock> blocks = SingleObject.of(KeyValueBlock.class);
  private final SingleObject<SessionEnd> ends = SingleObject.of(SessionEnd.class);
  private final SingleObject<QueryMoments> moments = SingleObject.of(QueryMoments.class);
  private final Random random = new Random(11);
  private final long[] offsets = new long[PARTITIONS];
  private final String topic;

  private KeyValueTraceRecording(String topic) {
    this.topic = topic;
  }

  /** The window's trace and the learning stage's, whose input is the window's output. */
  static List<Trace> record() {
    Deployment deployment = Trace.deployment(Trace.WINDOW);
    Stage window = Trace.stage(deployment, Trace.WINDOW);
    Stage learning = Trace.stage(deployment, Trace.LEARNING);
    TraceRun windowRun = new TraceRun(deployment, window);
    TraceRun learningRun = new TraceRun(deployment, learning);
    List<Event> windowEvents = new ArrayList<>();
    List<Event> learningEvents = new ArrayList<>();
    ArrayDeque<TopicRecord> underway = new ArrayDeque<>();
    int taken = 0;
    for (TopicRecord record : new KeyValueTraceRecording(window.inputTopic()).records()) {
      if (++taken % MODEL_DELAY == 0) {
        for (; !underway.isEmpty(); underway.remove()) {
          windowEvents.add(new Event(underway.peek(), windowRun.take(underway.peek())));
        }
      }
      List<TopicRecord> outputs = windowRun.take(record);
      windowEvents.add(new Event(record, outputs));
      for (TopicRecord output : outputs) {
        if (output.topic().equals(learning.inputTopic())) {
          for (byte[] value : damaged(output.value(), learningEvents.size())) {
            TopicRecord sample = placed(output, value, 0, learningEvents.size());
            List<TopicRecord> learned = learningRun.take(sample);
            learningEvents.add(new Event(sample, learned));
            for (TopicRecord version : learned) {
              if (version.topic().equals(window.following().topic())) {
                underway.add(placed(version, version.value(), 1, windowEvents.size()));
              }
            }
          }
        }
      }
    }
    return List.of(
        new Trace(deployment, window, List.copyOf(windowEvents)),
        new Trace(deployment, learning, List.copyOf(learningEvents)));
  }

  private static List<byte[]> damaged(byte[] value, int number) {
    return number % 9 == 4
        ? List.of(Arrays.copyOf(value, value.length / 2), value)
        : List.of(value);
  }

  private static TopicRecord placed(TopicRecord record, byte[] value, int partition, long offset) {
    return new TopicRecord(
        record.topic(), partition, offset, record.timestampMillis(), record.key(), value);
  }

  private List<TopicRecord> records() {
    List<TopicRecord> records = new ArrayList<>();
    int[] next = new int[SESSIONS];
    for (int round = 0; round < ROUNDS; round++) {
      for (int session = 0; session < SESSIONS; session++) {
        long micros = 1000 * (START_MILLIS + round * STEP_MILLIS) + session;
        if (session == 2 && round == 12) {
          records.add(record(session, micros, ends.encode(new SessionEnd(group(2), micros))));
        }
        if ((session == 2 && round >= 12) || (session == 3 && round >= 8)) {
          continue;
        }
        if (session == 1 && round % 10 == 3) {
          records.add(record(session, micros, moments.encode(queries(session, micros))));
        }
        int count = 1 + random.nextInt(20);
        for (TensorKind kind : TensorKind.values()) {
          // what was sent before may come again, and overlap
          int again = random.nextInt(4) == 0 ? Math.min(next[session], 5) : 0;
          byte[] value =
              blocks.encode(block(session, kind, next[session] - again, count + again, micros));
          records.add(record(session, micros, value));
          if (random.nextInt(6) == 0) {
            records.add(faulty(session, kind, next[session] + count, micros, value));
          }
        }
        next[session] += count;
      }
    }
    // long after: whoever was silent ends, and what is past its retention is removed
    for (int late = 0; late < 3; late++) {
      for (int session = 0; session < 2; session++) {
        long micros = 1000 * (START_MILLIS + ROUNDS * STEP_MILLIS + 16_000L * (late + 1));
        records.add(
            record(
                session,
                micros,
                blocks.encode(block(session, TensorKind.KEYS, next[session] + late, 1, micros))));
      }
    }
    return records;
  }

  private TopicRecord faulty(int session, TensorKind kind, int next, long micros, byte[] value) {
    return switch (random.nextInt(5)) {
      case 0 -> record(session, micros, Arrays.copyOf(value, value.length - 3));
      case 1 -> record(session, micros, blocks.encode(block(session, kind, next + 7, 2, micros)));
      case 2 -> record(session, micros, null);
      case 3 -> {
        KeyValueBlock block = block(session, kind, next, 1, micros);
        block.getElements().putInt(0, -1);
        yield record(session, micros, blocks.encode(block));
      }
      default -> {
        byte[] foreign = value.clone();
        foreign[4] ^= 0x55;
        yield record(session, micros, foreign);
      }
    };
  }

  private static HeadGroup group(int session) {
    return new HeadGroup(
        session % 2 == 1 ? "beta" : "acme",
        "decoder",
        "0123456789abcdef",
        "s" + session,
        0,
        0,
        HEADS,
        HEAD_DIMENSION);
  }

  private static QueryMoments queries(int session, long micros) {
    List<Float> squares = new ArrayList<>();
    for (int i = 0; i < CHANNELS; i++) {
      squares.add(1f + i % 3);
    }
    return new QueryMoments(group(session), micros, 100L, squares);
  }

  /** Values are a function of session, kind and token: what is sent twice is the same. */
  private static KeyValueBlock block(
      int session, TensorKind kind, int first, int count, long micros) {
    ByteBuffer elements =
        ByteBuffer.allocate(count * CHANNELS * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int token = first; token < first + count; token++) {
      Random values = new Random(1000L * session + 7L * token + kind.ordinal());
      double common = values.nextGaussian();
      for (int i = 0; i < CHANNELS; i++) {
        double fall = 1.0 / (1 + i % 5);
        float value = (float) (i % 4 + common * fall + 0.2 * fall * values.nextGaussian());
        elements.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    RotaryPosition rotary =
        kind == TensorKind.KEYS
            ? new RotaryPosition(
                RotaryState.AFTER, RotaryPairing.HALVES, 1e4, HEAD_DIMENSION, List.of())
            : new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 1e4, 0, List.of());
    return new KeyValueBlock(
        group(session),
        kind,
        rotary,
        ElementFormat.BFLOAT16,
        (long) first,
        count,
        micros,
        elements.flip());
  }

  private TopicRecord record(int session, long micros, byte[] valueOrNull) {
    HeadGroup group = group(session);
    String key =
        String.join("/", group.getTenant(), group.getModel(), group.getWeights(), "s" + session)
            + "/0/0";
    int partition = session % PARTITIONS;
    return new TopicRecord(
        topic,
        partition,
        offsets[partition]++,
        Math.floorDiv(micros, 1000),
        key.getBytes(StandardCharsets.UTF_8),
        valueOrNull);
  }
}
