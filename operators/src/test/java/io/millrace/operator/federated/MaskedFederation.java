package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.operator.StateCodec;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.avro.specific.SpecificRecord;

/**
 * Both operators, their loop of topics and clients that mask, all in memory. With crashes each
 * state goes through its bytes after every record.
 */
final class MaskedFederation {
  static final int CHUNKS = 3;
  static final int LENGTH = 28;
  static final int CHUNK_LENGTH = 10;
  private static final String MODEL = ControlRun.MODEL;

  final FederatedSettings settings;
  final RoundControl control;
  final ChunkAggregation aggregation;
  final List<FederatedInput> controlInputs = new ArrayList<>();
  final List<InvalidInputException> refusals = new ArrayList<>();
  final TreeMap<String, TaskOffer> offers = new TreeMap<>();
  final TreeMap<String, MaskingClient> clients = new TreeMap<>();
  final TreeMap<String, MaskDelivery> deliveries = new TreeMap<>();
  final TreeMap<String, double[]> published = new TreeMap<>();
  final List<VersionCommit> versions = new ArrayList<>();
  final TreeMap<String, PrivacyAccount> accounts = new TreeMap<>();
  int largestExamples = Integer.MAX_VALUE;
  ControlState controlState;
  private final List<ChunkState> chunkStates = new ArrayList<>();
  private final ArrayDeque<FederatedOutput> loop = new ArrayDeque<>();
  private final boolean crashes;
  private final long seed;
  private final byte[] schemaHash;
  MaskCohort cohort;
  MaskSurvivors survivors;

  MaskedFederation(FederatedSettings settings, boolean crashes, long seed) {
    this.settings = settings;
    this.crashes = crashes;
    this.seed = seed;
    control = new RoundControl(settings, ControlRun.AUTHORITY);
    aggregation = new ChunkAggregation(settings, ControlRun.AUTHORITY);
    controlState = control.createState(MODEL);
    ModelDefinition definition =
        new ModelDefinition(
            MODEL,
            (long) LENGTH,
            CHUNK_LENGTH,
            List.of(new ModelLayer("all", 0L, List.of(LENGTH))),
            ByteBuffer.allocate(0));
    schemaHash = Digests.of(definition);
    definition.setSchemaHash(ByteBuffer.wrap(schemaHash));
    control(ControlRun.authorise(definition));
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      chunkStates.add(aggregation.createState(FederatedKeys.chunk(MODEL, chunk)));
      ModelChunk zero =
          new ModelChunk(
              MODEL,
              0L,
              chunk,
              CHUNKS,
              ByteBuffer.wrap(schemaHash),
              Double.BYTES,
              ByteBuffer.allocate(Double.BYTES * length(chunk)),
              ByteBuffer.allocate(0),
              ByteBuffer.allocate(0));
      zero.setDigest(ByteBuffer.wrap(Digests.of(zero)));
      String key = FederatedKeys.chunk(MODEL, chunk);
      byte[] framed = SingleObject.of(ModelChunk.class).encode(zero);
      chunk(chunk, new FederatedInput.Authorised(ControlRun.AUTHORITY.authorise(key, framed)));
    }
    tick(1_000);
  }

  static int length(int chunk) {
    return Math.min(CHUNK_LENGTH, LENGTH - chunk * CHUNK_LENGTH);
  }

  static SpecificRecord record(FederatedInput input) {
    return input instanceof FederatedInput.Keys keys
        ? keys.keys()
        : input instanceof FederatedInput.Shares shares
            ? shares.shares()
            : ((FederatedInput.Reveal) input).reveal();
  }

  static SpecificRecord record(FederatedOutput output) {
    return output instanceof FederatedOutput.Cohort cohort
        ? cohort.cohort()
        : output instanceof FederatedOutput.Delivery delivery
            ? delivery.delivery()
            : ((FederatedOutput.Survivors) output).survivors();
  }

  private static <S> byte[][] sections(StateCodec<S> codec, S state) {
    byte[][] sections = new byte[codec.sections()][];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = codec.encode(state, section);
    }
    return sections;
  }

  void control(FederatedInput sent) {
    FederatedInput input = copy(sent);
    controlInputs.add(copy(sent));
    try {
      accept(control, controlState, input);
    } catch (InvalidInputException refusal) {
      refusals.add(refusal);
    }
    if (crashes) {
      ControlStateCodec codec = new ControlStateCodec();
      controlState = codec.decode(sections(codec, controlState));
    }
    drain();
  }

  /** As the log has it: records of one client must not share a task. */
  private static FederatedInput copy(FederatedInput input) {
    if (input instanceof FederatedInput.Keys keys) {
      return new FederatedInput.Keys(copy(keys.keys()));
    }
    if (input instanceof FederatedInput.Shares shares) {
      return new FederatedInput.Shares(copy(shares.shares()));
    }
    if (input instanceof FederatedInput.Reveal reveal) {
      return new FederatedInput.Reveal(copy(reveal.reveal()));
    }
    return input instanceof FederatedInput.Commit commit
        ? new FederatedInput.Commit(copy(commit.commit()))
        : input;
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> T copy(T record) {
    SingleObject<T> codec = SingleObject.of((Class<T>) record.getClass());
    return codec.decode(codec.encode(record));
  }

  void chunk(int chunk, FederatedInput input) {
    try {
      accept(aggregation, chunkStates.get(chunk), input);
    } catch (InvalidInputException refusal) {
      refusals.add(refusal);
    }
    if (crashes) {
      ChunkStateCodec codec = new ChunkStateCodec();
      chunkStates.set(chunk, codec.decode(sections(codec, chunkStates.get(chunk))));
    }
    drain();
  }

  private <S> void accept(
      Operator<FederatedInput, S, FederatedOutput> operator, S state, FederatedInput input) {
    operator.accept(state, input, 0, Models.NONE, loop::add);
  }

  private void drain() {
    while (!loop.isEmpty()) {
      FederatedOutput output = loop.remove();
      if (output instanceof FederatedOutput.Report report) {
        control(new FederatedInput.Authorised(report.record()));
      } else if (output instanceof FederatedOutput.Command command) {
        chunk(
            FederatedKeys.chunkOf(command.key()), new FederatedInput.Authorised(command.record()));
      } else if (output instanceof FederatedOutput.Task task) {
        offers.put(task.offer().getTask().getClient(), task.offer());
      } else if (output instanceof FederatedOutput.Cohort one) {
        cohort = one.cohort();
      } else if (output instanceof FederatedOutput.Delivery one) {
        deliveries.put(one.delivery().getClient(), one.delivery());
      } else if (output instanceof FederatedOutput.Survivors one) {
        survivors = one.survivors();
      } else if (output instanceof FederatedOutput.Account one) {
        accounts.put(one.account().getClient(), one.account());
      } else if (output instanceof FederatedOutput.Version one) {
        versions.add(one.commit());
      } else if (output instanceof FederatedOutput.Model model) {
        ByteBuffer values = model.chunk().getValues().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        double[] numbers = new double[values.remaining() / settings.exchange().elementBytes()];
        for (int i = 0; i < numbers.length; i++) {
          numbers[i] = values.getFloat(4 * i);
        }
        published.put(output.key(), numbers);
      }
    }
  }

  void tick(long millis) {
    control(ControlRun.authorise(new RoundTick(MODEL, 1000 * millis)));
  }

  /** Event time, milliseconds. */
  long now() {
    return controlState.now() / 1000;
  }

  void ask(String client) {
    control(new FederatedInput.Request(new TaskRequest(MODEL, client, 0L)));
    clients.put(
        client,
        new MaskingClient(
            offers.get(client).getTask(), 2, MaskedRun.secret(seed + client.hashCode())));
  }

  void keys(String client) {
    control(new FederatedInput.Keys(clients.get(client).keys()));
  }

  void deal(String client) {
    control(new FederatedInput.Shares(clients.get(client).join(cohort, member -> true)));
  }

  void reveal(String client) {
    control(new FederatedInput.Reveal(clients.get(client).reveal(survivors)));
  }

  float[] values(String client, int chunk) {
    Random random = new Random(seed + 31L * client.hashCode() + chunk);
    float[] values = new float[length(chunk)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  static int examples(String client) {
    return 1 + Math.floorMod(client.hashCode(), 7);
  }

  /** Another chunk 0 under the task of a client: any bytes look masked. */
  void forge(String client) {
    TaskOffer offer = offers.get(client);
    UpdateChunk update =
        new UpdateChunk(
            offer.getTask(),
            0,
            CHUNKS,
            offer.getSchemaHash(),
            offer.getCodec(),
            ByteBuffer.allocate(Integer.BYTES * length(0)),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    update.setDigest(ByteBuffer.wrap(Digests.of(update)));
    chunk(0, new FederatedInput.Update(update));
  }

  /** Chunks of a client's masked update from one to another, then perhaps its commit. */
  void send(String client, int from, int to, boolean commits) {
    clients.get(client).receive(deliveries.get(client));
    TaskOffer offer = offers.get(client);
    List<byte[]> leaves = new ArrayList<>();
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      byte[] payload =
          clients
              .get(client)
              .mask(chunk, values(client, chunk), Math.min(largestExamples, examples(client)));
      UpdateChunk update =
          new UpdateChunk(
              offer.getTask(),
              chunk,
              CHUNKS,
              offer.getSchemaHash(),
              offer.getCodec(),
              ByteBuffer.wrap(payload),
              ByteBuffer.allocate(0),
              ByteBuffer.allocate(0));
      byte[] digest = Digests.of(update);
      update.setDigest(ByteBuffer.wrap(digest));
      leaves.add(digest);
      if (chunk >= from && chunk < to) {
        chunk(chunk, new FederatedInput.Update(update));
      }
    }
    if (commits) {
      control(
          new FederatedInput.Commit(
              new ClientCommit(
                  offer.getTask(),
                  CHUNKS,
                  ByteBuffer.wrap(MerkleTree.root(leaves)),
                  0.0,
                  examples(client),
                  5,
                  List.of(),
                  Map.of(),
                  ByteBuffer.allocate(0))));
    }
  }

  /**
   * A whole round, of whom some send a part only and some do not reveal; to where reveals begin.
   */
  void round(TreeSet<String> names, TreeSet<String> partly) {
    names.forEach(this::ask);
    names.forEach(this::keys);
    names.forEach(this::deal);
    for (String name : names) {
      boolean whole = !partly.contains(name);
      send(name, 0, whole ? CHUNKS : CHUNKS - 1, whole);
    }
    if (!partly.isEmpty()) {
      tick(now() + 5_000);
    }
  }
}
