package io.millrace.app.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.runtime.ChunkStore;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.OperatorStep;
import io.millrace.runtime.PartitionTask;
import io.millrace.runtime.Stage;
import io.millrace.runtime.TaskEdge;
import io.millrace.runtime.TopicRecord;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;

/**
 * The log of updates run through the aggregation anew: the operator, its step and its task as they
 * run on an engine, without one. What chunks of versions it makes is kept as digests, their numbers
 * are handed on.
 *
 * <p>Memory: the states of all chunks, and 32 bytes a chunk of every version and of every update.
 * One thread.
 */
final class ChunkReplay implements TaskEdge {
  private final Deployment deployment;
  private final FederatedPipeline pipeline;
  private final Stage stage;
  private final OperatorStep<?, ?, ?> step;
  private final Authority authority;
  private final UnaryOperator<RoundFreeze> change;
  private final BiConsumer<String, ModelChunk> made;
  private final Map<Integer, PartitionTask<?, ?, ?>> tasks = new TreeMap<>();
  private final SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
  private final SingleObject<AuthorisedRecord> authorised = SingleObject.of(AuthorisedRecord.class);
  private final SingleObject<RoundFreeze> freezes = SingleObject.of(RoundFreeze.class);
  private final SingleObject<ChunkReceipt> receipts = SingleObject.of(ChunkReceipt.class);

  /** Digest by {@link FederatedKeys#modelChunk}. */
  private final TreeMap<String, ByteBuffer> digests = new TreeMap<>();

  /** Digests by chunk, by {@link #update}. */
  private final TreeMap<String, TreeMap<Integer, ByteBuffer>> updates = new TreeMap<>();

  /** Contributions by {@link FederatedKeys#version}; empty lists where chunks were told apart. */
  private final TreeMap<String, List<Contribution>> frozen = new TreeMap<>();

  /**
   * @param change of every freeze before it counts; the same record: none
   * @param made gets every chunk of every version, under its key
   */
  ChunkReplay(
      Deployment deployment,
      FederatedPipeline pipeline,
      UnaryOperator<RoundFreeze> change,
      BiConsumer<String, ModelChunk> made) {
    this.deployment = deployment;
    this.pipeline = pipeline;
    this.stage = pipeline.stage(FederatedPipeline.AGGREGATION);
    this.authority = pipeline.authority();
    this.change = change;
    this.made = made;
    this.step = step(stage.spec().get(), deployment.engine().maximumRecordBytes());
  }

  /** Takes the next record of a partition of the updates topic. */
  void take(TopicRecord record) {
    tasks
        .computeIfAbsent(record.partition(), partition -> task(step))
        .process(withFreezeChanged(record));
  }

  /** The digest of a chunk of a version; empty: the log makes none. */
  Optional<ByteBuffer> digest(String model, long version, int chunk) {
    return Optional.ofNullable(digests.get(FederatedKeys.modelChunk(model, version, chunk)));
  }

  /** Digests of the chunks of an update that were fit to be summed, by chunk. */
  Map<Integer, ByteBuffer> update(String model, String client, long sequence) {
    return updates.getOrDefault(name(model, client, sequence), new TreeMap<>());
  }

  /** What chunks were told to make a version of; empty where they were told nothing. */
  Optional<List<Contribution>> frozen(String model, long version) {
    return Optional.ofNullable(frozen.get(FederatedKeys.version(model, version)));
  }

  @Override
  public void emit(String channel, byte[] key, byte[] valueOrNull, long timestampMillis) {
    String name = new String(key, StandardCharsets.UTF_8);
    if (channel.equals("models") && valueOrNull != null) {
      ModelChunk chunk = chunks.decode(valueOrNull);
      digests.put(name, ByteBuffer.wrap(Digests.of(chunk)));
      made.accept(name, chunk);
    } else if (channel.equals("reports")) {
      byte[] framed = authority.open(name, authorised.decode(valueOrNull));
      if (SingleObject.recordName(framed).equals("ChunkReceipt")) {
        ChunkReceipt receipt = receipts.decode(framed);
        if (!receipt.getContestedDigest().hasRemaining()) {
          updates
              .computeIfAbsent(
                  name(receipt.getModel(), receipt.getClient(), receipt.getSequence()),
                  update -> new TreeMap<>())
              .put(receipt.getChunk(), receipt.getDigest());
        }
      }
    }
  }

  /** Refused when it came first, too. */
  @Override
  public void reject(Reason reason, byte[] keyOrNull, byte[] deadLetter, long timestampMillis) {}

  private TopicRecord withFreezeChanged(TopicRecord record) {
    Optional<RoundFreeze> freeze = freeze(record);
    if (freeze.isEmpty()) {
      return record;
    }
    RoundFreeze before = freeze.get();
    String key = new String(record.key(), StandardCharsets.UTF_8);
    RoundFreeze after = change.apply(before);
    frozen.merge(
        FederatedKeys.version(after.getModel(), after.getVersion()),
        after.getContributions(),
        (one, other) -> one.equals(other) ? one : new ArrayList<>());
    return after.equals(before) ? record : replaced(record, key, after);
  }

  private TopicRecord replaced(TopicRecord record, String key, RoundFreeze freeze) {
    return new TopicRecord(
        record.topic(),
        record.partition(),
        record.offset(),
        record.timestampMillis(),
        record.key(),
        authorised.encode(authority.authorise(key, freezes.encode(freeze))));
  }

  /** The freeze in a record that counts; what is wrong with others is the operator's to say. */
  private Optional<RoundFreeze> freeze(TopicRecord record) {
    if (record.key() == null) {
      return Optional.empty();
    }
    try {
      if (!SingleObject.recordName(record.value()).equals("AuthorisedRecord")) {
        return Optional.empty();
      }
      byte[] framed =
          authority.open(
              new String(record.key(), StandardCharsets.UTF_8), authorised.decode(record.value()));
      return SingleObject.recordName(framed).equals("RoundFreeze")
          ? Optional.of(freezes.decode(framed))
          : Optional.empty();
    } catch (InvalidInputException | UnreadableRecordException notOurs) {
      return Optional.empty();
    }
  }

  private static String name(String model, String client, long sequence) {
    return FederatedKeys.client(model, client) + '/' + sequence;
  }

  private <I, S, O> PartitionTask<I, S, O> task(OperatorStep<I, S, O> anyStep) {
    return new PartitionTask<>(
        deployment, pipeline.pipeline(), stage, anyStep, new NothingKept(), this);
  }

  /** A task that never flushes keeps everything on the heap. */
  private static final class NothingKept implements ChunkStore {
    @Override
    public byte[] get(byte[] key) {
      return null;
    }

    @Override
    public void put(byte[] key, byte[] valueOrNull) {
      throw new IllegalStateException("nothing is flushed");
    }

    @Override
    public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {}
  }

  private static <I, S, O> OperatorStep<I, S, O> step(
      OperatorSpec<I, S, O> spec, int maximumValueBytes) {
    return new OperatorStep<>(spec, Models.NONE, maximumValueBytes);
  }
}
