package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Key/value blocks of several sessions of two tenants, as an inference server would send them: the
 * sessions interleaved, block by block; the content of a session is the same for both tenants.
 *
 * @param records in the order in which they are sent
 */
record KeyValueTrace(List<Sent> records) {
  static final List<String> TENANTS = List.of("acme", "umbra");
  static final int LAYERS = 2;
  static final int HEADS = 2;
  static final int HEAD_DIMENSION = 32;
  static final int TOKENS = 600;

  private static final int SESSIONS = 4;
  private static final int LARGEST_BLOCK = 48;
  private static final int OVERLAP_EVERY = 7;
  private static final long START_MICROS = 1_767_225_600_000_000L;

  /** One record. */
  record Sent(byte[] key, byte[] value) {}

  /** The same for the same seed. */
  static KeyValueTrace of(long seed) {
    Random random = new Random(seed);
    List<List<Sent>> streams = new ArrayList<>();
    for (int session = 0; session < SESSIONS; session++) {
      long content = random.nextLong();
      for (int layer = 0; layer < LAYERS; layer++) {
        for (String tenant : TENANTS) {
          streams.add(stream(tenant, "chat-" + session, layer, content));
        }
      }
    }
    List<Sent> records = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      places.add(0);
    }
    while (!streams.isEmpty()) {
      int stream = random.nextInt(streams.size());
      int place = places.get(stream);
      records.add(streams.get(stream).get(place));
      places.set(stream, place + 1);
      if (place + 1 == streams.get(stream).size()) {
        streams.remove(stream);
        places.remove(stream);
      }
    }
    return new KeyValueTrace(List.copyOf(records));
  }

  /** Without the ends of sessions. */
  List<Sent> blocks() {
    SingleObject<SessionEnd> ends = SingleObject.of(SessionEnd.class);
    long fingerprint =
        fingerprint(ends.encode(new SessionEnd(new HeadGroup("", "", "", "", 0, 0, 0, 0), 0L)));
    return records.stream().filter(record -> fingerprint(record.value()) != fingerprint).toList();
  }

  private static long fingerprint(byte[] value) {
    return ByteBuffer.wrap(value, 2, Long.BYTES).getLong();
  }

  /** Part {@code number} of {@code parts} of about the same size. */
  KeyValueTrace part(int number, int parts) {
    return new KeyValueTrace(
        records.subList(
            (int) ((long) number * records.size() / parts),
            (int) ((long) (number + 1) * records.size() / parts)));
  }

  /** What comes after the first {@code sent} records. */
  KeyValueTrace from(int sent) {
    return new KeyValueTrace(records.subList(sent, records.size()));
  }

  /** One head group's blocks, keys and values in turn, some of them sent twice in part. */
  private static List<Sent> stream(String tenant, String session, int layer, long content) {
    Random random = new Random(content + layer);
    HeadGroup group =
        new HeadGroup(tenant, "toy", "0123456789abcdef", session, layer, 0, HEADS, HEAD_DIMENSION);
    byte[] key = key(group).getBytes(UTF_8);
    SingleObject<KeyValueBlock> blocks = SingleObject.of(KeyValueBlock.class);
    float[] means = new float[HEADS * HEAD_DIMENSION];
    for (int channel = 0; channel < means.length; channel++) {
      means[channel] = (float) (3 * random.nextGaussian());
    }
    ByteBuffer[] whole = {elements(random, means), elements(random, new float[means.length])};
    List<Sent> sent = new ArrayList<>();
    int token = 0;
    for (int block = 0; token < TOKENS; block++) {
      int tokens = Math.min(1 + random.nextInt(LARGEST_BLOCK), TOKENS - token);
      int first = block % OVERLAP_EVERY == 3 ? Math.max(0, token - 5) : token;
      for (TensorKind kind : TensorKind.values()) {
        int bytes = Short.BYTES * means.length;
        ByteBuffer slice =
            whole[kind.ordinal()].slice(first * bytes, (token + tokens - first) * bytes);
        sent.add(
            new Sent(
                key,
                blocks.encode(
                    new KeyValueBlock(
                        group,
                        kind,
                        rotary(kind),
                        ElementFormat.FLOAT16,
                        (long) first,
                        token + tokens - first,
                        START_MICROS + 50_000L * (token + tokens),
                        slice))));
      }
      token += tokens;
    }
    sent.add(
        new Sent(
            key,
            SingleObject.of(SessionEnd.class)
                .encode(new SessionEnd(group, START_MICROS + 50_000L * (TOKENS + 1)))));
    return sent;
  }

  static String key(HeadGroup group) {
    return String.join(
        "/",
        group.getTenant(),
        group.getModel(),
        group.getWeights(),
        group.getSession(),
        Integer.toString(group.getLayer()),
        Integer.toString(group.getFirstHead()));
  }

  private static RotaryPosition rotary(TensorKind kind) {
    return kind == TensorKind.KEYS
        ? new RotaryPosition(
            RotaryState.AFTER, RotaryPairing.NEIGHBOURS, 10_000.0, HEAD_DIMENSION, List.of())
        : new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10_000.0, 0, List.of());
  }

  /** [tokens x channels] halves: a slow walk about the means. */
  private static ByteBuffer elements(Random random, float[] means) {
    ByteBuffer out =
        ByteBuffer.allocate(Short.BYTES * TOKENS * means.length).order(ByteOrder.LITTLE_ENDIAN);
    float[] walk = new float[means.length];
    for (int token = 0; token < TOKENS; token++) {
      for (int channel = 0; channel < means.length; channel++) {
        walk[channel] = 0.9f * walk[channel] + 0.4f * (float) random.nextGaussian();
        out.putShort(half(means[channel] + walk[channel]));
      }
    }
    return out.flip();
  }

  /** Any half near a normal number: the low bits of the mantissa are cut off. */
  private static short half(float value) {
    int bits = Float.floatToRawIntBits(value);
    int exponent = (bits >>> 23 & 0xff) - 127 + 15;
    return exponent < 1 ? 0 : (short) (bits >>> 16 & 0x8000 | exponent << 10 | bits >>> 13 & 0x3ff);
  }
}
