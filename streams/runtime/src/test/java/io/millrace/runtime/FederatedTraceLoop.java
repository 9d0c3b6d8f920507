package io.millrace.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.runtime.Trace.Event;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
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
 * Both stages of a federated model while their traces are recorded, each reading what the other
 * writes, and what clients see of them.
 */
final class FederatedTraceLoop {
  static final String MODEL = "toy";
  static final int CHUNKS = 2;
  static final int CHUNK_LENGTH = 6;
  static final int LENGTH = 10;
  private static final long START_MILLIS = 1_700_000_000_000L;

  final Stage aggregation;
  final Stage control;
  final Authority authority = new Authority(Trace.MASTER_KEY.getBytes(UTF_8));
  final ModelDefinition definition = definition();
  final Map<String, TaskOffer> offers = new TreeMap<>();
  final Map<String, MaskDelivery> deliveries = new TreeMap<>();

  /** The newest; null before the first. */
  MaskCohort cohort;

  /** The newest; null before the first. */
  MaskSurvivors survivors;

  private final Deployment deployment;
  private final Map<String, TraceRun> runs = new TreeMap<>();
  private final Map<String, List<Event>> events = new TreeMap<>();
  private final Random random;
  private long millis = START_MILLIS;

  /**
   * @param aggregation name of that stage's trace
   * @param control name of the other's
   */
  FederatedTraceLoop(String aggregation, String control, long seed) {
    this.deployment = Trace.deployment(aggregation);
    this.aggregation = Trace.stage(deployment, aggregation);
    this.control = Trace.stage(deployment, control);
    this.random = new Random(seed);
    for (Stage stage : List.of(this.aggregation, this.control)) {
      runs.put(stage.inputTopic(), new TraceRun(deployment, stage));
      events.put(stage.inputTopic(), new ArrayList<>());
    }
  }

  /** The aggregation's trace and the control's. */
  List<Trace> traces() {
    return List.of(trace(aggregation), trace(control));
  }

  private Trace trace(Stage stage) {
    return new Trace(deployment, stage, List.copyOf(events.get(stage.inputTopic())));
  }

  /** The owner's part: definition, version 0, the first tick. */
  void publish() {
    order(MODEL, definition);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      order(FederatedKeys.chunk(MODEL, chunk), first(chunk));
    }
    tick(0);
  }

  void ask(String client) {
    send(control, MODEL, new TaskRequest(MODEL, client, 0L));
  }

  /** Numbers of a chunk, of those of all chunks. */
  static float[] part(float[] all, int chunk) {
    return Arrays.copyOfRange(
        all, chunk * CHUNK_LENGTH, Math.min(LENGTH, (chunk + 1) * CHUNK_LENGTH));
  }

  UpdateChunk chunk(TaskOffer offer, int chunk, byte[] payload) {
    UpdateChunk record =
        new UpdateChunk(
            offer.getTask(),
            chunk,
            CHUNKS,
            definition.getSchemaHash(),
            offer.getCodec(),
            ByteBuffer.wrap(payload),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    record.setDigest(ByteBuffer.wrap(Digests.of(record)));
    return record;
  }

  float[] numbers(int length) {
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

  void tick(long afterMillis) {
    order(MODEL, new RoundTick(MODEL, 1000 * (START_MILLIS + afterMillis)));
  }

  void order(String key, SpecificRecord record) {
    Stage stage = key.equals(MODEL) ? control : aggregation;
    send(stage, key, authority.authorise(key, encode(record)));
  }

  void send(Stage stage, String key, SpecificRecord record) {
    send(stage, key, encode(record));
  }

  /** Sends a record and whatever follows from it, until nothing more does. */
  void send(Stage stage, String key, byte[] value) {
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
        } else if (output.topic().equals("p.tasks") && output.value() != null) {
          show(output.value());
        }
      }
    }
  }

  private void show(byte[] value) {
    switch (SingleObject.recordName(value)) {
      case "MaskCohort" -> cohort = SingleObject.of(MaskCohort.class).decode(value);
      case "MaskSurvivors" -> survivors = SingleObject.of(MaskSurvivors.class).decode(value);
      case "MaskDelivery" -> {
        MaskDelivery delivery = SingleObject.of(MaskDelivery.class).decode(value);
        deliveries.put(delivery.getClient(), delivery);
      }
      default -> {
        TaskOffer offer = SingleObject.of(TaskOffer.class).decode(value);
        offers.put(offer.getTask().getClient(), offer);
      }
    }
  }

  @SuppressWarnings("unchecked")
  static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }
}
