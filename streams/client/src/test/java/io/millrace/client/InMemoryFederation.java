package io.millrace.client;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.ChunkAggregation;
import io.millrace.operator.federated.ChunkState;
import io.millrace.operator.federated.ControlState;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedInput;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.FederatedOutput;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.RoundControl;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.avro.specific.SpecificRecord;

/** The aggregator's operators in one process, with maps for topics. */
final class InMemoryFederation {
  static final String MODEL = "digits";
  private static final Authority AUTHORITY =
      new Authority("the master key of tests".getBytes(StandardCharsets.UTF_8));

  final ModelDefinition definition;
  final List<InvalidInputException> deadLetters = new ArrayList<>();
  final List<UpdateOutcome> outcomes = new ArrayList<>();
  final TreeMap<Long, VersionCommit> versions = new TreeMap<>();
  final Map<String, ModelChunk> models = new HashMap<>();
  final List<OutgoingRecord> sent = new ArrayList<>();
  final List<FederatedOutput> maskRecords = new ArrayList<>();
  final Map<String, PrivacyAccount> accounts = new HashMap<>();

  private record Input(String key, FederatedInput input) {}

  private final RoundControl control;
  private final ChunkAggregation aggregation;
  private final ControlState controlState;
  final Map<String, ChunkState> chunkStates = new HashMap<>();
  private final ArrayDeque<Input> queue = new ArrayDeque<>();
  private final Map<String, List<TaskOffer>> offers = new HashMap<>();
  private final TreeMap<String, ClientMemory> memories = new TreeMap<>();
  private final Map<Long, CodecPlan> plans = new HashMap<>();

  InMemoryFederation(FederatedSettings settings, double[] model, int chunkLength) {
    control = new RoundControl(settings, AUTHORITY);
    aggregation = new ChunkAggregation(settings, AUTHORITY);
    controlState = control.createState(MODEL);
    definition =
        new ModelDefinition(
            MODEL,
            (long) model.length,
            chunkLength,
            List.of(
                new ModelLayer(
                    "all",
                    0L,
                    settings.needsLayers() ? List.of(model.length / 4, 4) : List.of(model.length))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    owner(definition);
    int chunks = (model.length + chunkLength - 1) / chunkLength;
    for (int chunk = 0; chunk < chunks; chunk++) {
      int length = Math.min(chunkLength, model.length - chunk * chunkLength);
      ByteBuffer values = ByteBuffer.allocate(length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < length; i++) {
        values.putDouble(model[chunk * chunkLength + i]);
      }
      ModelChunk first =
          new ModelChunk(
              MODEL,
              0L,
              chunk,
              chunks,
              definition.getSchemaHash(),
              Double.BYTES,
              values.flip(),
              ByteBuffer.allocate(0),
              ByteBuffer.allocate(0));
      first.setDigest(ByteBuffer.wrap(Digests.of(first)));
      String key = FederatedKeys.chunk(MODEL, chunk);
      if (settings.needsLayers()) {
        enqueue(key, authorise(key, definition));
      }
      enqueue(key, authorise(key, first));
    }
    run();
    tick(1_000);
  }

  void tick(long millis) {
    owner(new RoundTick(MODEL, 1000 * millis));
  }

  void welcome(ClientSettings settings) {
    owner(
        new ClientKey(MODEL, settings.client(), ByteBuffer.wrap(settings.identity().publicKey())));
  }

  private void owner(SpecificRecord record) {
    enqueue(MODEL, authorise(MODEL, record));
    run();
  }

  private static FederatedInput authorise(String key, SpecificRecord record) {
    @SuppressWarnings("unchecked")
    Class<SpecificRecord> type = (Class<SpecificRecord>) record.getClass();
    return new FederatedInput.Authorised(
        AUTHORITY.authorise(key, SingleObject.of(type).encode(record)));
  }

  void send(OutgoingRecord record) {
    sent.add(record);
    String name = SingleObject.recordName(record.value());
    enqueue(
        record.key(),
        switch (name) {
          case "UpdateChunk" ->
              new FederatedInput.Update(SingleObject.of(UpdateChunk.class).decode(record.value()));
          case "ClientCommit" ->
              new FederatedInput.Commit(SingleObject.of(ClientCommit.class).decode(record.value()));
          case "MaskKeys" ->
              new FederatedInput.Keys(SingleObject.of(MaskKeys.class).decode(record.value()));
          case "MaskShares" ->
              new FederatedInput.Shares(SingleObject.of(MaskShares.class).decode(record.value()));
          case "MaskReveal" ->
              new FederatedInput.Reveal(SingleObject.of(MaskReveal.class).decode(record.value()));
          default ->
              new FederatedInput.Request(SingleObject.of(TaskRequest.class).decode(record.value()));
        });
    run();
  }

  private void enqueue(String key, FederatedInput input) {
    queue.add(new Input(key, input));
  }

  private void run() {
    while (!queue.isEmpty()) {
      Input next = queue.poll();
      try {
        if (next.key().equals(MODEL)) {
          control.accept(controlState, next.input(), 0, Models.NONE, this::take);
        } else {
          ChunkState state =
              chunkStates.computeIfAbsent(next.key(), key -> aggregation.createState(key));
          aggregation.accept(state, next.input(), 0, Models.NONE, this::take);
        }
      } catch (InvalidInputException refused) {
        deadLetters.add(refused);
      }
    }
  }

  private void take(FederatedOutput output) {
    if (output instanceof FederatedOutput.Report report) {
      enqueue(report.key(), new FederatedInput.Authorised(report.record()));
    } else if (output instanceof FederatedOutput.Command command) {
      enqueue(command.key(), new FederatedInput.Authorised(command.record()));
    } else if (output instanceof FederatedOutput.Model chunk) {
      models.put(chunk.key(), chunk.chunk());
    } else if (output instanceof FederatedOutput.RemovedModel removed) {
      models.remove(removed.key());
    } else if (output instanceof FederatedOutput.Memory memory) {
      memories.put(memory.key(), memory.memory());
    } else if (output instanceof FederatedOutput.Task task) {
      offers.computeIfAbsent(task.key(), key -> new ArrayList<>()).add(task.offer());
    } else if (output instanceof FederatedOutput.Cohort
        || output instanceof FederatedOutput.Delivery
        || output instanceof FederatedOutput.Survivors) {
      maskRecords.add(output);
    } else if (output instanceof FederatedOutput.Account account) {
      accounts.put(account.key(), account.account());
    } else if (output instanceof FederatedOutput.Version version) {
      versions.put(version.commit().getVersion(), version.commit());
    } else if (output instanceof FederatedOutput.Plan plan) {
      plans.put(plan.plan().getVersion(), plan.plan());
    } else if (output instanceof FederatedOutput.Outcome outcome) {
      outcomes.add(outcome.outcome());
    }
  }

  /** The newest version, as a client puts it together. */
  double[] newest() {
    return version(versions.lastKey());
  }

  /** A version that is kept. */
  double[] version(long version) {
    VersionCommit commit = versions.get(version);
    ModelAssembly assembly =
        new ModelAssembly(commit, definition.getSchemaHash(), commit.getChunkDigests().size());
    models.values().forEach(assembly::accept);
    return assembly.version().values();
  }

  /** A client's way to it; stops sending after {@code limit} passes no more records. */
  Transport transport(String client, Predicate<OutgoingRecord> passes) {
    return new Transport(FederatedKeys.client(MODEL, client), passes);
  }

  Transport transport(String client) {
    return transport(client, record -> true);
  }

  final class Transport implements FederationTransport {
    private final String key;
    private final Predicate<OutgoingRecord> passes;
    private final VersionLog log = new VersionLog();
    private int seen;
    private int outcomesSeen;
    private int masksSeen;
    private long versionsSeen = -1;

    private Transport(String key, Predicate<OutgoingRecord> passes) {
      this.key = key;
      this.passes = passes;
      this.seen = offers.getOrDefault(key, List.of()).size();
    }

    @Override
    public void send(List<OutgoingRecord> records) {
      for (OutgoingRecord record : records) {
        if (!passes.test(record)) {
          throw new IllegalStateException("the line is down");
        }
        InMemoryFederation.this.send(record);
      }
    }

    @Override
    public Optional<TaskOffer> offer(FederatedClient client, Duration wait) {
      for (VersionCommit commit : versions.tailMap(versionsSeen, false).values()) {
        log.accept(commit);
        client.accept(commit);
        versionsSeen = commit.getVersion();
      }
      while (outcomesSeen < outcomes.size()) {
        client.accept(outcomes.get(outcomesSeen++));
      }
      while (masksSeen < maskRecords.size()) {
        give(client.masks(), maskRecords.get(masksSeen++));
      }
      List<TaskOffer> all = offers.getOrDefault(key, List.of());
      return seen < all.size() ? Optional.of(all.get(seen++)) : Optional.empty();
    }

    private void give(ClientMasks masks, FederatedOutput record) {
      if (record instanceof FederatedOutput.Cohort cohort) {
        masks.accept(cohort.cohort());
      } else if (record instanceof FederatedOutput.Delivery delivery) {
        masks.accept(delivery.delivery());
      } else if (record instanceof FederatedOutput.Survivors survivors) {
        masks.accept(survivors.survivors());
      }
    }

    @Override
    public ModelVersion model(TaskOffer offer, Duration wait) {
      VersionCommit commit = log.version(offer.getTask().getBaseVersion()).orElseThrow();
      ModelAssembly assembly =
          new ModelAssembly(commit, offer.getSchemaHash(), offer.getChunkCount());
      models.values().forEach(assembly::accept);
      return assembly.version();
    }

    @Override
    public List<ClientMemory> memories(FederatedClient client) {
      return List.copyOf(memories.subMap(key + "/", key + "0").values());
    }

    @Override
    public Optional<CodecPlan> plan(long version) {
      return Optional.ofNullable(plans.get(version));
    }

    @Override
    public void close() {}
  }
}
