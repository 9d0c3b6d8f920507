package io.millrace.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.runtime.Trace.Event;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/**
 * Records the traces of a federated model anew, for {@link TraceRecording}: both stages, each
 * reading what the other writes. Four clients, five rounds: one closed by its deadline without a
 * straggler, one that fails, a roll-back, updates that are damaged, doubled, contested or forged.
 */
final class FederatedTraceRecording {
  private static final String MODEL = "toy";
  private static final int CLIENTS = 4;
  private static final int CHUNKS = 2;
  private static final int CHUNK_LENGTH = 6;
  private static final int LENGTH = 10;
  private static final long START_MILLIS = 1_700_000_000_000L;

  private final Deployment deployment = Trace.deployment(Trace.AGGREGATION);
  private final Stage aggregation = Trace.stage(deployment, Trace.AGGREGATION);
  private final Stage control = Trace.stage(deployment, Trace.CONTROL);
  private final Map<String, TraceRun> runs = new TreeMap<>();
  private final Map<String, List<Event>> events = new TreeMap<>();
  private final Authority authority = new Authority(Trace.MASTER_KEY.getBytes(UTF_8));
  private final Map<String, TaskOffer> offers = new TreeMap<>();
  private final Random random = new Random(17);
  private final ModelDefinition definition = definition();
  private long millis = START_MILLIS;

  private FederatedTraceRecording() {
    for (Stage stage : List.of(aggregation, control)) {
      runs.put(stage.inputTopic(), new TraceRun(deployment, stage));
      events.put(stage.inputTopic(), new ArrayList<>());
    }
  }

  /** The aggregation's trace and the control's. */
  static List<Trace> record() {
    FederatedTraceRecording recording = new FederatedTraceRecording();
    recording.run();
    return List.of(recording.trace(recording.aggregation), recording.trace(recording.control));
  }

  private Trace trace(Stage stage) {
    return new Trace(deployment, stage, List.copyOf(events.get(stage.inputTopic())));
  }

  private void run() {
    order(MODEL, definition);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      order(FederatedKeys.chunk(MODEL, chunk), first(chunk));
    }
    tick(0);
    round(CLIENTS, true);
    round(CLIENTS, false);
    // closed by its deadline without the last one, whose update comes too late
    round(CLIENTS - 1, false);
    tick(61_000);
    update("client-3", offers.get("client-3"), false);
    // fails
    round(1, false);
    tick(130_000);
    order(MODEL, new ModelPointer(MODEL, 2L, "ROLLED_BACK"));
    round(CLIENTS, false);
  }

  /** A round of which so many clients send. */
  private void round(int sending, boolean hostile) {
    for (int client = 0; client < CLIENTS; client++) {
      send(control, MODEL, new TaskRequest(MODEL, "client-" + client, 0L));
    }
    for (int client = 0; client < sending; client++) {
      String name = "client-" + client;
      update(name, offers.get(name), hostile && client < 2);
    }
    if (hostile) {
      contested();
    }
  }

  /** One more of a client whose first chunk is told otherwise: lost, and made again. */
  private void contested() {
    send(control, MODEL, new TaskRequest(MODEL, "client-0", 0L));
    TaskOffer offer = offers.get("client-0");
    for (int copy = 0; copy < 2; copy++) {
      UpdateChunk chunk = chunk(offer, 0, numbers(CHUNK_LENGTH));
      send(aggregation, FederatedKeys.chunk(MODEL, 0), chunk);
    }
  }

  private void update(String client, TaskOffer offer, boolean hostile) {
    double squaredNorm = 0;
    List<byte[]> digests = new ArrayList<>();
    float[] update = numbers(LENGTH);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      float[] values =
          Arrays.copyOfRange(
              update, chunk * CHUNK_LENGTH, Math.min(LENGTH, (chunk + 1) * CHUNK_LENGTH));
      for (float value : values) {
        squaredNorm += (double) value * value;
      }
      UpdateChunk record = chunk(offer, chunk, values);
      digests.add(record.getDigest().array());
      if (hostile) {
        hostile(record);
      }
      send(aggregation, FederatedKeys.chunk(MODEL, chunk), record);
      if (hostile) {
        send(aggregation, FederatedKeys.chunk(MODEL, chunk), record);
      }
    }
    ClientCommit commit =
        new ClientCommit(
            offer.getTask(),
            CHUNKS,
            ByteBuffer.wrap(MerkleTree.root(digests)),
            squaredNorm,
            5,
            1,
            List.of(),
            Map.of("loss", 0.25),
            ByteBuffer.allocate(0));
    if (hostile) {
      byte[] value = encode(commit);
      send(control, MODEL, Arrays.copyOf(value, value.length - 3));
      ClientCommit forged = SingleObject.of(ClientCommit.class).decode(value);
      forged.getTask().setSequence(77L);
      send(control, MODEL, forged);
    }
    send(control, MODEL, commit);
  }

  private void hostile(UpdateChunk good) {
    String key = FederatedKeys.chunk(MODEL, good.getChunk());
    byte[] value = encode(good);
    send(aggregation, key, Arrays.copyOf(value, value.length / 2));
    send(aggregation, MODEL, value);
    UpdateChunk bad = SingleObject.of(UpdateChunk.class).decode(value);
    bad.setPayload(plain(Float.NaN));
    bad.setDigest(ByteBuffer.wrap(Digests.of(bad)));
    send(aggregation, key, bad);
    bad.setPayload(plain(1e6f));
    bad.setDigest(ByteBuffer.wrap(Digests.of(bad)));
    send(aggregation, key, bad);
    bad.getTask().setClient("mallory");
    send(aggregation, key, bad);
    AuthorisedRecord forged =
        authority.authorise("another", encode(new RoundTick(MODEL, 1L << 50)));
    send(control, MODEL, forged);
  }

  private static ByteBuffer plain(float value) {
    ByteBuffer payload =
        ByteBuffer.allocate(Float.BYTES * CHUNK_LENGTH).order(ByteOrder.LITTLE_ENDIAN);
    payload.putFloat(0, value);
    return payload.order(ByteOrder.BIG_ENDIAN);
  }

  private UpdateChunk chunk(TaskOffer offer, int chunk, float[] values) {
    long seed = offer.getTask().getSeed();
    UpdateChunk record =
        new UpdateChunk(
            offer.getTask(),
            chunk,
            CHUNKS,
            definition.getSchemaHash(),
            offer.getCodec(),
            ByteBuffer.wrap(UpdateCodecs.named(offer.getCodec()).encode(values, seed)),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  private float[] numbers(int length) {
    float[] numbers = new float[length];
    for (int i = 0; i < length; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }

  private static ModelDefinition definition() {
    ModelDefinition definition =
        new ModelDefinition(
            MODEL,
            (long) LENGTH,
            CHUNK_LENGTH,
            List.of(new ModelLayer("w", 0L, List.of(5, 2))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    return definition;
  }

  private ModelChunk first(int chunk) {
    int length = Math.min(CHUNK_LENGTH, LENGTH - chunk * CHUNK_LENGTH);
    ByteBuffer values = ByteBuffer.allocate(Float.BYTES * length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : numbers(length)) {
      values.putFloat(value);
    }
    ModelChunk record =
        new ModelChunk(
            MODEL,
            0L,
            chunk,
            CHUNKS,
            definition.getSchemaHash(),
            Float.BYTES,
            values.flip().order(ByteOrder.BIG_ENDIAN),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  private void tick(long afterMillis) {
    order(MODEL, new RoundTick(MODEL, 1000 * (START_MILLIS + afterMillis)));
  }

  private void order(String key, SpecificRecord record) {
    Stage stage = key.equals(MODEL) ? control : aggregation;
    send(stage, key, authority.authorise(key, encode(record)));
  }

  private void send(Stage stage, String key, SpecificRecord record) {
    send(stage, key, encode(record));
  }

  /** Sends a record and whatever follows from it, until nothing more does. */
  private void send(Stage stage, String key, byte[] value) {
    ArrayDeque<TopicRecord> underway = new ArrayDeque<>();
    underway.add(TopicRecord.unwritten(stage.inputTopic(), key.getBytes(UTF_8), value, millis));
    while (!underway.isEmpty()) {
      TopicRecord next = underway.remove();
      List<Event> sofar = events.get(next.topic());
      TopicRecord placed =
          new TopicRecord(next.topic(), 0, sofar.size(), millis += 10, next.key(), next.value());
      List<TopicRecord> outputs = runs.get(next.topic()).take(placed);
      sofar.add(new Event(placed, outputs));
      for (TopicRecord output : outputs) {
        if (runs.containsKey(output.topic())) {
          underway.add(output);
        } else if (output.topic().equals("p.tasks")) {
          TaskOffer offer = SingleObject.of(TaskOffer.class).decode(output.value());
          offers.put(offer.getTask().getClient(), offer);
        }
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }
}
