package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.StateCodec;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.ModelPointer;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Both operators over one model in memory, as an engine joins them: topics with one queue for each
 * sender that keeps an order (the control to each chunk, each chunk to the control), and what
 * clients send in a bag. Which queue is next may be random, client records may come up to three
 * times, any state may go through its bytes after every record, and the process may be killed at
 * any record: then all states are those of the last commit, and what was delivered since is
 * delivered again.
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

  /** A task with the model that it is for, as the client has fetched it. */
  private record Held(TaskOffer offer, double[] model, double[] control) {}

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
  private final Map<String, Held> offers = new LinkedHashMap<>();
  private Random chaosOrNull;
  private boolean restoring;
  private final Map<String, Long> answered = new TreeMap<>();
  private final List<Message> sinceCommit = new ArrayList<>();
  private final List<Runnable> heldOutputs = new ArrayList<>();
  private Random killsOrNull;
  private boolean exactlyOnce;
  private Runnable returnToCommit = () -> {};

  /** All that came to chunks, in order. */
  final List<Logged> log = new ArrayList<>();

  int kills;
  final List<VersionCommit> versions = new ArrayList<>();
  final List<String> refusals = new ArrayList<>();
  final Map<String, ClientMemory> memories = new TreeMap<>();
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

  /**
   * Kills the process now and then, and commits more often.
   *
   * @param transactions whether outputs since the last commit are lost with it; else they have been
   *     seen, and come again
   */
  Federation killed(long seed, boolean transactions) {
    killsOrNull = new Random(seed);
    exactlyOnce = transactions;
    commit();
    return this;
  }

  private void commit() {
    sinceCommit.clear();
    List<Runnable> outputs = List.copyOf(heldOutputs);
    heldOutputs.clear();
    byte[][] ofControl = sections(controlCodec, state);
    byte[][][] ofChunks = new byte[chunks.length][][];
    Arrays.setAll(ofChunks, chunk -> sections(chunkCodec, chunks[chunk]));
    returnToCommit =
        () -> {
          state = controlCodec.decode(ofControl);
          Arrays.setAll(chunks, chunk -> chunkCodec.decode(ofChunks[chunk]));
        };
    outputs.forEach(Runnable::run);
  }

  private void kill() {
    kills++;
    heldOutputs.clear();
    returnToCommit.run();
    sinceCommit.forEach(message -> apply(message.chunk(), message.input()));
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

  /** Makes an older version the one that the next is made from. */
  void rollBack(long version) {
    ModelPointer pointer = new ModelPointer(ChunkRecords.MODEL, version, "ROLLED_BACK");
    deliver(CONTROL, owner(SingleObject.of(ModelPointer.class).encode(pointer)));
    drain();
  }

  /** Numbers of a version, one of the newest twenty. */
  double[] model() {
    return models.lastEntry().getValue().clone();
  }

  /** Some clients ask for tasks, train and send; then everything is delivered. */
  void round(List<String> names) {
    names.forEach(this::ask);
    drain();
    for (Held task : List.copyOf(offers.values())) {
      train(task);
    }
    offers.clear();
    drain();
  }

  /** Asks for a task, and fetches the model of the one that is given. */
  void ask(String name) {
    deliver(CONTROL, new FederatedInput.Request(new TaskRequest(ChunkRecords.MODEL, name, 0L)));
  }

  /** Trains under the task that was given last, however old its model is now, and sends. */
  void answer(String name) {
    train(offers.remove(name));
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

  private void train(Held held) {
    TaskOffer offer = held.offer();
    UpdateTask task = offer.getTask();
    Sent sent = clients.get(task.getClient()).train(task, held.model(), held.control());
    if (sent.payloads().isEmpty()) {
      return;
    }
    answered.put(task.getClient(), task.getSequence());
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
      if (queues.isEmpty() && heldOutputs.isEmpty()) {
        return;
      }
      if (queues.isEmpty()) {
        commit();
        continue;
      }
      int next = chaosOrNull == null ? 0 : chaosOrNull.nextInt(queues.size());
      Message message = queues.get(next).remove();
      deliver(message.chunk(), message.input());
    }
  }

  private void deliver(int chunk, FederatedInput input) {
    apply(chunk, input);
    if (killsOrNull == null) {
      return;
    }
    sinceCommit.add(new Message(chunk, input));
    int next = killsOrNull.nextInt(100);
    if (next < 7) {
      commit();
    } else if (next < 9) {
      kill();
    }
  }

  private void apply(int chunk, FederatedInput input) {
    Consumer<FederatedOutput> out =
        output -> {
          if (killsOrNull != null && exactlyOnce) {
            heldOutputs.add(() -> take(chunk, output));
          } else {
            take(chunk, output);
          }
        };
    try {
      if (chunk == CONTROL) {
        control.accept(state, input, 0, Models.NONE, out);
      } else {
        log.add(new Logged(chunk, input));
        aggregation.accept(chunks[chunk], input, 0, Models.NONE, out);
      }
    } catch (InvalidInputException refusal) {
      refusals.add(refusal.reason() + ": " + refusal.getMessage());
    }
    if (restoring && chunk == CONTROL) {
      state = controlCodec.decode(sections(controlCodec, state));
    } else if (restoring) {
      chunks[chunk] = chunkCodec.decode(sections(chunkCodec, chunks[chunk]));
    }
  }

  private static <S> byte[][] sections(StateCodec<S> codec, S state) {
    byte[][] sections = new byte[codec.sections()][];
    Arrays.setAll(sections, section -> codec.encode(state, section));
    return sections;
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
      UpdateTask given = task.offer().getTask();
      if (given.getSequence() <= answered.getOrDefault(given.getClient(), -1L)) {
        return; // it comes again
      }
      double[] model = models.get(given.getBaseVersion()).clone();
      double[] beside = controls.get(given.getBaseVersion()).clone();
      offers.put(given.getClient(), new Held(task.offer(), model, beside));
    } else if (output instanceof FederatedOutput.Memory memory) {
      memories.put(memory.key(), memory.memory());
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
