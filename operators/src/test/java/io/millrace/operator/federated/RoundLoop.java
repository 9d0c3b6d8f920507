package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.StateCodec;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/**
 * Both stages of one model in a loop, with the topics between them in memory: what waits for the
 * control and for each chunk is delivered from a random topic at a time, in order within each, each
 * record once or, where asked, up to three times, and states are taken through their bytes now and
 * then.
 */
final class RoundLoop {
  private static final String MODEL = "loop";
  private static final byte[] MASTER = "a master key of loops".getBytes(StandardCharsets.UTF_8);

  final RoundControl control;
  final ChunkAggregation aggregation;
  final List<VersionCommit> versions = new ArrayList<>();
  final List<UpdateOutcome> outcomes = new ArrayList<>();
  final Map<String, TaskOffer> tasks = new TreeMap<>();
  final TreeMap<Long, double[]> models = new TreeMap<>();
  final TreeMap<String, byte[]> digests = new TreeMap<>();
  final List<String> refusals = new ArrayList<>();
  ControlState controlState;
  private final Authority authority = new Authority(MASTER);
  private final FederatedSettings settings;
  private final ChunkState[] chunkStates;
  private final int chunkLength;
  private final int length;

  /** Topics: 0 to P - 1 of chunks, P of the control. */
  private final List<List<FederatedInput>> topics = new ArrayList<>();

  private final Random random;
  private final boolean chaos;

  RoundLoop(FederatedSettings settings, double[] start, int chunkLength, Random random, boolean c) {
    this.settings = settings;
    this.length = start.length;
    this.chunkLength = chunkLength;
    this.random = random;
    this.chaos = c;
    this.control = new RoundControl(settings, new Authority(MASTER));
    this.aggregation = new ChunkAggregation(settings, new Authority(MASTER));
    this.controlState = control.createState(MODEL);
    int chunks = (length + chunkLength - 1) / chunkLength;
    this.chunkStates = new ChunkState[chunks];
    ModelDefinition definition =
        new ModelDefinition(
            MODEL,
            (long) length,
            chunkLength,
            List.of(new ModelLayer("all", 0L, List.of(length))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    for (int chunk = 0; chunk <= chunks; chunk++) {
      topics.add(new ArrayList<>());
    }
    send(chunks, MODEL, definition);
    for (int chunk = 0; chunk < chunks; chunk++) {
      String key = FederatedKeys.chunk(MODEL, chunk);
      chunkStates[chunk] = aggregation.createState(key);
      double[] part =
          Arrays.copyOfRange(
              start, chunk * chunkLength, Math.min(length, (chunk + 1) * chunkLength));
      ByteBuffer bytes = ByteBuffer.allocate(8 * part.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asDoubleBuffer().put(part);
      ModelChunk first =
          new ModelChunk(
              MODEL,
              0L,
              chunk,
              chunks,
              definition.getSchemaHash(),
              8,
              bytes,
              ByteBuffer.allocate(0),
              ByteBuffer.allocate(0));
      first.setDigest(ByteBuffer.wrap(Digests.of(first)));
      send(chunk, key, first);
    }
    deliver();
  }

  private int chunks() {
    return chunkStates.length;
  }

  private <T extends SpecificRecord> void send(int topic, String key, T record) {
    topics
        .get(topic)
        .add(new FederatedInput.Authorised(authority.authorise(key, ControlRun.encoded(record))));
  }

  void tick(long millis) {
    send(chunks(), MODEL, new RoundTick(MODEL, 1000 * millis));
    deliver();
  }

  /** Asks for a task and waits for it. */
  TaskOffer ask(String client) {
    tasks.remove(client);
    topics.get(chunks()).add(new FederatedInput.Request(new TaskRequest(MODEL, client, 0L)));
    deliver();
    return tasks.get(client);
  }

  /** Puts a whole update on the topics, its commit before its chunks or behind them. */
  void upload(TaskOffer offer, float[] values) {
    UpdateTask task = offer.getTask();
    List<byte[]> leaves = new ArrayList<>();
    double squaredNorm = 0;
    for (int chunk = 0; chunk < chunks(); chunk++) {
      int to = Math.min(length, (chunk + 1) * chunkLength);
      float[] part = Arrays.copyOfRange(values, chunk * chunkLength, to);
      // codec plain by hand: a client that lies may send what the codec would refuse
      ByteBuffer payload = ByteBuffer.allocate(4 * part.length).order(ByteOrder.LITTLE_ENDIAN);
      payload.asFloatBuffer().put(part);
      UpdateChunk update =
          new UpdateChunk(
              task,
              chunk,
              chunks(),
              offer.getSchemaHash(),
              offer.getCodec(),
              payload,
              ByteBuffer.allocate(0),
              ByteBuffer.allocate(0));
      byte[] digest = Digests.of(update);
      update.setDigest(ByteBuffer.wrap(digest));
      leaves.add(digest);
      for (float value : part) {
        squaredNorm += (double) value * value;
      }
      topics.get(chunk).add(new FederatedInput.Update(update));
    }
    topics
        .get(chunks())
        .add(
            new FederatedInput.Commit(
                new ClientCommit(
                    task,
                    chunks(),
                    ByteBuffer.wrap(MerkleTree.root(leaves)),
                    squaredNorm,
                    7,
                    1,
                    List.of(),
                    Map.of(),
                    ByteBuffer.allocate(0))));
  }

  /** Delivers all that waits, and what follows from it. */
  void deliver() {
    List<Integer> busy = busy();
    while (!busy.isEmpty()) {
      int topic = busy.get(random.nextInt(busy.size()));
      FederatedInput input = topics.get(topic).remove(0);
      int times = chaos ? 1 + random.nextInt(3) : 1;
      for (int time = 0; time < times; time++) {
        deliver(topic, input);
      }
      busy = busy();
    }
  }

  private List<Integer> busy() {
    List<Integer> busy = new ArrayList<>();
    for (int topic = 0; topic < topics.size(); topic++) {
      if (!topics.get(topic).isEmpty()) {
        busy.add(topic);
      }
    }
    return busy;
  }

  private void deliver(int topic, FederatedInput input) {
    List<FederatedOutput> outputs = new ArrayList<>();
    try {
      if (topic == chunks()) {
        control.accept(controlState, input, 0, Models.NONE, outputs::add);
      } else {
        aggregation.accept(chunkStates[topic], input, 0, Models.NONE, outputs::add);
      }
    } catch (InvalidInputException refusal) {
      refusals.add(refusal.reason() + ": " + refusal.getMessage());
    }
    outputs.forEach(this::route);
    if (chaos && random.nextInt(5) == 0) {
      controlState = restored(new ControlStateCodec(), controlState);
    }
  }

  private static <S> S restored(StateCodec<S> codec, S state) {
    byte[][] sections = new byte[codec.sections()][];
    Arrays.setAll(sections, section -> codec.encode(state, section));
    return codec.decode(sections);
  }

  private void route(FederatedOutput output) {
    if (output instanceof FederatedOutput.Command command) {
      topics
          .get(FederatedKeys.chunkOf(command.key()))
          .add(new FederatedInput.Authorised(command.record()));
    } else if (output instanceof FederatedOutput.Report report) {
      topics.get(chunks()).add(new FederatedInput.Authorised(report.record()));
    } else if (output instanceof FederatedOutput.Task task) {
      tasks.put(task.offer().getTask().getClient(), task.offer());
    } else if (output instanceof FederatedOutput.Version version) {
      versions.add(version.commit());
    } else if (output instanceof FederatedOutput.Outcome outcome) {
      outcomes.add(outcome.outcome());
    } else if (output instanceof FederatedOutput.Model model) {
      ModelChunk chunk = model.chunk();
      digests.put(model.key(), CanonicalBytes.array(chunk.getDigest()));
      double[] values = models.computeIfAbsent(chunk.getVersion(), v -> new double[length]);
      ByteBuffer in = chunk.getValues().duplicate().order(ByteOrder.LITTLE_ENDIAN);
      for (int i = chunk.getChunk() * chunkLength; in.hasRemaining(); i++) {
        values[i] = chunk.getElementBytes() == 4 ? in.getFloat() : in.getDouble();
      }
    }
  }

  /** Key of a version's chunk. */
  static String key(long version, int chunk) {
    return FederatedKeys.modelChunk(MODEL, version, chunk);
  }

  /** The version that holds. */
  double[] model() {
    return models.get(versions.get(versions.size() - 1).getVersion());
  }
}
