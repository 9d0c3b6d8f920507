package io.millrace.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.runtime.Trace.Event;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/**
 * Records the trace of nodes that mix anew, for {@link TraceRecording}: three nodes, two chunks,
 * twelve versions; gradients that are doubled, told otherwise, late, damaged or forged.
 */
final class MixingTraceRecording {
  private static final String MODEL = "toy";
  private static final int CHUNKS = 2;
  private static final int LENGTH = 5;
  private static final byte[] SCHEMA_HASH = new byte[32];
  private static final long START_MILLIS = 1_700_000_000_000L;

  private final Deployment deployment = Trace.deployment(Trace.MIXING);
  private final Stage stage = Trace.stage(deployment, Trace.MIXING);
  private final TraceRun run = new TraceRun(deployment, stage);
  private final List<Event> events = new ArrayList<>();
  private final Authority authority = new Authority(Trace.MASTER_KEY.getBytes(UTF_8));
  private final Map<String, TaskOffer> offers = new TreeMap<>();
  private final Random random = new Random(29);
  private long millis = START_MILLIS;

  private MixingTraceRecording() {}

  static Trace record() {
    MixingTraceRecording recording = new MixingTraceRecording();
    recording.run();
    return new Trace(recording.deployment, recording.stage, List.copyOf(recording.events));
  }

  private void run() {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      order(chunk, ModelChunk.class, first(chunk));
    }
    tick(0);
    for (int version = 0; version < 12; version++) {
      for (String node : List.of("a", "b", "c")) {
        if (random.nextInt(3) > 0) {
          gradient(offers.get(node), version % 4 == 1);
        }
      }
      TaskOffer old = offers.get("b");
      tick(900L * (version + 1));
      if (version == 5) {
        send(0, encode(chunk(old, 0)));
        tick(900L * version);
      }
    }
  }

  private void gradient(TaskOffer offer, boolean hostile) {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      UpdateChunk good = chunk(offer, chunk);
      byte[] value = encode(good);
      if (hostile) {
        send(chunk, Arrays.copyOf(value, value.length / 2));
        UpdateChunk bad = chunk(offer, chunk);
        bad.getTask().setClient("mallory");
        send(chunk, encode(bad));
        good.setChunkCount(7);
        send(chunk, encode(good));
      }
      send(chunk, value);
      if (hostile) {
        send(chunk, value);
        send(chunk, encode(chunk(offer, chunk)));
      }
    }
  }

  private UpdateChunk chunk(TaskOffer offer, int chunk) {
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) random.nextGaussian();
    }
    byte[] payload = UpdateCodecs.named(offer.getCodec()).encode(values, offer.getTask().getSeed());
    TaskOffer own = SingleObject.of(TaskOffer.class).decode(encode(offer));
    UpdateChunk record =
        new UpdateChunk(
            own.getTask(),
            chunk,
            CHUNKS,
            ByteBuffer.wrap(SCHEMA_HASH),
            offer.getCodec(),
            ByteBuffer.wrap(payload),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  private static ModelChunk first(int chunk) {
    ByteBuffer values = ByteBuffer.allocate(Float.BYTES * LENGTH).order(ByteOrder.LITTLE_ENDIAN);
    values.putFloat(0, chunk + 0.5f);
    ModelChunk record =
        new ModelChunk(
            MODEL,
            0L,
            chunk,
            CHUNKS,
            ByteBuffer.wrap(SCHEMA_HASH),
            Float.BYTES,
            values.order(ByteOrder.BIG_ENDIAN),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  private void tick(long afterMillis) {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      order(chunk, RoundTick.class, new RoundTick(MODEL, 1000 * (START_MILLIS + afterMillis)));
    }
  }

  private <T extends SpecificRecord> void order(int chunk, Class<T> type, T record) {
    byte[] framed = SingleObject.of(type).encode(record);
    send(chunk, encode(authority.authorise(FederatedKeys.chunk(MODEL, chunk), framed)));
  }

  private void send(int chunk, byte[] value) {
    byte[] key = FederatedKeys.chunk(MODEL, chunk).getBytes(UTF_8);
    TopicRecord placed =
        new TopicRecord(stage.inputTopic(), 0, events.size(), millis += 10, key, value);
    List<TopicRecord> outputs = run.take(placed);
    events.add(new Event(placed, outputs));
    for (TopicRecord output : outputs) {
      if (output.topic().equals("p.tasks")) {
        TaskOffer offer = SingleObject.of(TaskOffer.class).decode(output.value());
        offers.put(offer.getTask().getClient(), offer);
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }
}
