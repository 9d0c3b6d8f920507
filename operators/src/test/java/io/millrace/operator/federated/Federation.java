package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.StateCodec;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Both operators over one model in memory, as an engine joins them: topics with one queue for each
 * sender that keeps an order (the control to each chunk, each chunk to the control), and what
 * clients send in a bag. Which queue is next may be random, client records may come up to three
 * times, and any state may go through its bytes after every record.
 */
final class Federation {
  /** A client's part: what it sends for a task. */
  interface Client {
    /**
     * Trains.
     *
     * @param model of the task's base version
     * @param control beside it
     */
    Sent train(UpdateTask task, double[] model, double[] control);
  }

  /**
   * Payloads by chunk.
   *
   * @param seconds empty where the method sends none
   */
  record Sent(List<byte[]> payloads, List<byte[]> seconds, int examples) {
    /** Of a client that gets a task and does nothing. */
    static final Sent NOTHING = new Sent(List.of(), List.of(), 0);

    /** Of one example. */
    Sent(List<byte[]> payloads, List<byte[]> seconds) {
      this(payloads, seconds, 1);
    }
  }

  /** What came to a chunk. */
  record Logged(int chunk, FederatedInput input) {}

  private record Message(int chunk, FederatedInput input) {}

  private static final int CONTROL = -1;

  private final ChunkRecords records = new ChunkRecords();
  private final FederatedSettings settings;
  private final RoundControl control;
  private final ChunkAggregation aggregation;
  private final ChunkStateCodec chunkCodec = new ChunkStateCodec();
  private final ControlStateCodec controlCodec = new ControlStateCodec();
  private final ModelDefinition definition;
  private final Deque<Message> clientsBag = new ArrayDeque<>();
  private final TreeMap<Integer, Deque<Message>> commands = new TreeMap<>();
  private final TreeMap<Integer, Deque<Message>> reports = new TreeMap<>();
  private final TreeMap<String, Client> clients = new TreeMap<>();
  private final TreeMap<Long, double[]> models = new TreeMap<>();
  private final TreeMap<Long, double[]> controls = new TreeMap<>();
  private final TreeMap<String, Integer> withheld = new TreeMap<>();
  private final List<TaskOffer> offers = new ArrayList<>();
  private Random chaosOrNull;
  private boolean restoring;

  /** All that came to chunks, in order. */
  final List<Logged> log = new ArrayList<>();

  final List<VersionCommit> versions = new ArrayList<>();
  final List<String> refusals = new ArrayList<>();
  final ChunkState[] chunks;
  ControlState state;

  Federation(FederatedSettings settings, double[] start, int chunkLength) {
    this.settings = settings;
    this.control = new RoundControl(settings, records.authority);
    this.aggregation = new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY));
    this.state = control.createState(ChunkRecords.MODEL);
    this.chunks = new ChunkState[(start.length + chunkLength - 1) / chunkLength];
    Arrays.setAll(chunks, i -> aggregation.createState(FederatedKeys.chunk(ChunkRecords.MODEL, i)));
    this.definition =
        new ModelDefinition(
            ChunkRecords.MODEL,
            (long) start.length,
            chunkLength,
            List.of(new ModelLayer("all", 0L, List.of(start.length))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    deliver(CONTROL, owner(SingleObject.of(ModelDefinition.class).encode(definition)));
    for (int chunk = 0; chunk < chunks.length; chunk++) {
      int to = Math.min(start.length, (chunk + 1) * chunkLength);
      double[] part = Arrays.copyOfRange(start, chunk * chunkLength, to);
      deliver(chunk, records.start(chunk, chunks.length, definition.getSchemaHash().array(), part));
    }
    tick(1);
    drain();
  }

  private FederatedInput owner(byte[] framed) {
    return new FederatedInput.Authorised(records.authority.authorise(ChunkRecords.MODEL, framed));
  }

  Federation chaos(long seed) {
    chaosOrNull = new Random(seed);
    return this;
  }

  Federation restoring() {
    restoring = true;
    return this;
  }

  void client(String name, Client client) {
    clients.put(name, client);
  }

  void tick(long millis) {
    RoundTick tick = new RoundTick(ChunkRecords.MODEL, 1000 * millis);
    deliver(CONTROL, owner(SingleObject.of(RoundTick.class).encode(tick)));
  }

  /** Numbers of a version, one of the newest twenty. */
  double[] model(long version) {
    return models.get(version).clone();
  }

  double[] model() {
    return models.lastEntry().getValue().clone();
  }

  /** Some clients ask for tasks, train and send; then everything is delivered. */
  void round(List<String> names) {
    for (String name : names) {
      deliver(CONTROL, new FederatedInput.Request(new TaskRequest(ChunkRecords.MODEL, name, 0L)));
    }
    for (TaskOffer offer : List.copyOf(offers)) {
      train(offer);
    }
    offers.clear();
    drain();
  }

  /** Never sends one chunk of a client's updates. */
  void withhold(String name, int chunk) {
    withheld.put(name, chunk);
  }

  /** Delivers what is under way. */
  void settle() {
    drain();
  }

  private void train(TaskOffer offer) {
    UpdateTask task = offer.getTask();
    long base = task.getBaseVersion();
    Sent sent =
        clients
            .get(task.getClient())
            .train(task, models.get(base).clone(), controls.get(base).clone());
    if (sent.payloads().isEmpty()) {
      return;
    }
    List<byte[]> leaves = new ArrayList<>();
    double squaredNorm = 0;
    List<Message> messages = new ArrayList<>();
    for (int chunk = 0; chunk < chunks.length; chunk++) {
      byte[] second = sent.seconds().isEmpty() ? new byte[0] : sent.seconds().get(chunk);
      UpdateChunk update =
          new UpdateChunk(
              task,
              chunk,
              chunks.length,
              definition.getSchemaHash(),
              offer.getCodec(),
              ByteBuffer.wrap(sent.payloads().get(chunk)),
              ByteBuffer.wrap(second),
              ByteBuffer.allocate(0));
      ChunkRecords.sealed(update);
      leaves.add(CanonicalBytes.array(update.getDigest()));
      float[] values =
          UpdateCodecs.named(offer.getCodec())
              .decode(sent.payloads().get(chunk), chunks[chunk].length(), task.getSeed());
      squaredNorm += NormGate.squaredNorm(values, 0, values.length);
      if (withheld.getOrDefault(task.getClient(), -1) != chunk) {
        messages.add(new Message(chunk, new FederatedInput.Update(update)));
      }
    }
    ClientCommit commit =
        new ClientCommit(
            task,
            chunks.length,
            ByteBuffer.wrap(MerkleTree.root(leaves)),
            squaredNorm,
            sent.examples(),
            1,
            List.of(),
            Map.of(),
            ByteBuffer.allocate(0));
    messages.add(new Message(CONTROL, new FederatedInput.Commit(commit)));
    for (Message message : messages) {
      int times = chaosOrNull == null ? 1 : 1 + chaosOrNull.nextInt(3);
      for (int i = 0; i < times; i++) {
        clientsBag.add(message);
      }
    }
  }

  /** Delivers until nothing is left. */
  private void drain() {
    if (chaosOrNull != null) {
      List<Message> shuffled = new ArrayList<>(clientsBag);
      Collections.shuffle(shuffled, chaosOrNull);
      clientsBag.clear();
      clientsBag.addAll(shuffled);
    }
    while (true) {
      List<Deque<Message>> queues = new ArrayList<>();
      queues.add(clientsBag);
      queues.addAll(commands.values());
      queues.addAll(reports.values());
      queues.removeIf(Deque::isEmpty);
      if (queues.isEmpty()) {
        return;
      }
      int next = chaosOrNull == null ? 0 : chaosOrNull.nextInt(queues.size());
      Message message = queues.get(next).remove();
      deliver(message.chunk(), message.input());
    }
  }

  private void deliver(int chunk, FederatedInput input) {
    try {
      if (chunk == CONTROL) {
        control.accept(state, input, 0, Models.NONE, output -> take(CONTROL, output));
      } else {
        log.add(new Logged(chunk, input));
        aggregation.accept(chunks[chunk], input, 0, Models.NONE, output -> take(chunk, output));
      }
    } catch (InvalidInputException refusal) {
      refusals.add(refusal.reason() + ": " + refusal.getMessage());
    }
    if (restoring && chunk == CONTROL) {
      state = restored(controlCodec, state);
    } else if (restoring) {
      chunks[chunk] = restored(chunkCodec, chunks[chunk]);
    }
  }

  private static <S> S restored(StateCodec<S> codec, S state) {
    byte[][] sections = new byte[codec.sections()][];
    Arrays.setAll(sections, section -> codec.encode(state, section));
    return codec.decode(sections);
  }

  private void take(int from, FederatedOutput output) {
    if (output instanceof FederatedOutput.Model published) {
      ModelChunk chunk = published.chunk();
      read(chunk, chunk.getValues(), chunk.getElementBytes(), models);
      read(chunk, chunk.getControl(), Double.BYTES, controls);
    } else if (output instanceof FederatedOutput.Report report) {
      reports
          .computeIfAbsent(from, key -> new ArrayDeque<>())
          .add(new Message(CONTROL, new FederatedInput.Authorised(report.record())));
    } else if (output instanceof FederatedOutput.Command command) {
      int chunk = FederatedKeys.chunkOf(command.key());
      commands
          .computeIfAbsent(chunk, key -> new ArrayDeque<>())
          .add(new Message(chunk, new FederatedInput.Authorised(command.record())));
    } else if (output instanceof FederatedOutput.Task task) {
      offers.removeIf(old -> old.getTask().getClient().equals(task.offer().getTask().getClient()));
      offers.add(task.offer());
    } else if (output instanceof FederatedOutput.Version version) {
      versions.add(version.commit());
    }
  }

  private void read(
      ModelChunk chunk, ByteBuffer bytes, int elementBytes, TreeMap<Long, double[]> all) {
    double[] whole =
        all.computeIfAbsent(
            chunk.getVersion(),
            version -> new double[definition.getLayers().get(0).getShape().get(0)]);
    ByteBuffer in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = chunk.getChunk() * definition.getChunkLength(); in.hasRemaining(); i++) {
      whole[i] = elementBytes == Float.BYTES ? in.getFloat() : in.getDouble();
    }
    while (all.size() > 20) {
      all.pollFirstEntry();
    }
  }

  /** What each version is made of, and its bytes. */
  List<String> fingerprints() {
    List<String> all = new ArrayList<>();
    for (VersionCommit version : versions) {
      StringBuilder text = new StringBuilder().append(version.getVersion());
      version.getContributions().forEach(part -> text.append(' ').append(part.getSequence()));
      version
          .getChunkDigests()
          .forEach(
              digest ->
                  text.append(' ')
                      .append(HexFormat.of().formatHex(CanonicalBytes.array(digest), 0, 8)));
      all.add(text.toString());
    }
    return all;
  }
}
