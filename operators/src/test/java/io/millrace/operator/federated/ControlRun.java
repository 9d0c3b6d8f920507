package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Assertions;

/**
 * A model's control with clients, chunks and an owner played by hand. Every input is kept, and what
 * an input emits is found in {@link #last}.
 */
final class ControlRun {
  static final String MODEL = "digits";
  static final Authority AUTHORITY =
      new Authority("the master key of tests".getBytes(StandardCharsets.UTF_8));
  private static final int CHUNK_LENGTH = 10;

  final FederatedSettings settings;
  final int chunks;
  final RoundControl operator;
  final List<FederatedInput> inputs = new ArrayList<>();
  final List<FederatedOutput> outputs = new ArrayList<>();

  /** Outputs of the newest input. */
  List<FederatedOutput> last = List.of();

  ControlState state;

  ControlRun(FederatedSettings settings, int chunks) {
    this.settings = settings;
    this.chunks = chunks;
    this.operator = new RoundControl(settings, AUTHORITY);
    this.state = operator.createState(MODEL);
  }

  /** With version 0 whole and time 1 second. */
  static ControlRun started(ControlTestSettings settings, int chunks) {
    ControlRun run = new ControlRun(settings.build(), chunks);
    run.authorised(run.definition());
    for (int chunk = 0; chunk < chunks; chunk++) {
      run.done(0, chunk);
    }
    run.tick(1_000);
    return run;
  }

  ModelDefinition definition() {
    long length = (long) chunks * CHUNK_LENGTH - 3;
    ModelDefinition definition =
        new ModelDefinition(
            MODEL,
            length,
            CHUNK_LENGTH,
            List.of(new ModelLayer("all", 0L, List.of((int) length))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    return definition;
  }

  /** Through the operator; throws what it throws. */
  void accept(FederatedInput input) {
    List<FederatedOutput> emitted = new ArrayList<>();
    operator.accept(state, input, operator.eventTimeMillis(input), Models.NONE, emitted::add);
    inputs.add(input);
    outputs.addAll(emitted);
    last = emitted;
  }

  InvalidInputException refused(FederatedInput input) {
    byte[][] before = sections();
    InvalidInputException refusal =
        Assertions.assertThrows(InvalidInputException.class, () -> accept(input));
    byte[][] after = sections();
    for (int section = 0; section < before.length; section++) {
      Assertions.assertArrayEquals(before[section], after[section], "section " + section);
    }
    return refusal;
  }

  byte[][] sections() {
    ControlStateCodec codec = new ControlStateCodec();
    byte[][] sections = new byte[codec.sections()][];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = codec.encode(state, section);
    }
    return sections;
  }

  static <T extends SpecificRecord> FederatedInput.Authorised authorise(T record) {
    @SuppressWarnings("unchecked")
    Class<T> type = (Class<T>) record.getClass();
    return new FederatedInput.Authorised(
        AUTHORITY.authorise(MODEL, SingleObject.of(type).encode(record)));
  }

  void authorised(SpecificRecord record) {
    accept(authorise(record));
  }

  void tick(long millis) {
    authorised(new RoundTick(MODEL, 1000 * millis));
  }

  void key(String client, byte[] publicKey) {
    authorised(new ClientKey(MODEL, client, ByteBuffer.wrap(publicKey)));
  }

  void rollBack(long version) {
    authorised(new ModelPointer(MODEL, version, "ROLLED_BACK"));
  }

  static FederatedInput.Request request(String client) {
    return new FederatedInput.Request(new TaskRequest(MODEL, client, 5L));
  }

  /** Asks, and expects a task. */
  TaskOffer ask(String client) {
    accept(request(client));
    return offers().get(0);
  }

  List<TaskOffer> offers() {
    return last(FederatedOutput.Task.class).stream().map(FederatedOutput.Task::offer).toList();
  }

  /** A digest that only this chunk of this task has. */
  static byte[] digest(UpdateTask task, int chunk) {
    return new CanonicalBytes("chunk of a test")
        .number(task.getSequence())
        .number(chunk)
        .text(task.getClient())
        .sha256();
  }

  /** An update of a task: what its client says of it. */
  record Update(UpdateTask task, int chunks, double squaredNorm, int examples) {
    ChunkReceipt receipt(int chunk) {
      return new ChunkReceipt(
          MODEL,
          chunk,
          task.getClient(),
          task.getSequence(),
          ByteBuffer.wrap(digest(task, chunk)),
          squaredNorm / chunks,
          (float) Math.sqrt(squaredNorm / chunks),
          100L + chunk,
          ByteBuffer.allocate(0));
    }

    ClientCommit commit() {
      List<byte[]> leaves = new ArrayList<>();
      for (int chunk = 0; chunk < chunks; chunk++) {
        leaves.add(digest(task, chunk));
      }
      return new ClientCommit(
          task,
          chunks,
          ByteBuffer.wrap(MerkleTree.root(leaves)),
          squaredNorm,
          examples,
          5,
          List.of(),
          Map.of("loss", 0.5),
          ByteBuffer.allocate(0));
    }
  }

  Update update(TaskOffer offer) {
    return new Update(offer.getTask(), chunks, 4, 10);
  }

  void receipt(TaskOffer offer, int chunk) {
    authorised(update(offer).receipt(chunk));
  }

  void commit(TaskOffer offer) {
    accept(new FederatedInput.Commit(update(offer).commit()));
  }

  void upload(TaskOffer offer) {
    upload(update(offer), UnaryOperator.identity());
  }

  void upload(Update update, UnaryOperator<ClientCommit> change) {
    List<FederatedOutput> emitted = new ArrayList<>();
    for (int chunk = 0; chunk < chunks; chunk++) {
      authorised(update.receipt(chunk));
      emitted.addAll(last);
    }
    accept(new FederatedInput.Commit(change.apply(update.commit())));
    emitted.addAll(last);
    last = emitted;
  }

  /** Asks for a task and does it. */
  TaskOffer contribute(String client) {
    TaskOffer offer = ask(client);
    upload(offer);
    return offer;
  }

  ChunkDone chunkDone(long version, int chunk) {
    return new ChunkDone(MODEL, version, chunk, ByteBuffer.wrap(versionDigest(version, chunk)));
  }

  static byte[] versionDigest(long version, int chunk) {
    return new CanonicalBytes("version of a test").number(version).number(chunk).sha256();
  }

  void done(long version, int chunk) {
    authorised(chunkDone(version, chunk));
  }

  /** All chunks of the version being made. */
  VersionCommit publish() {
    long version = state.openOrNull.version;
    for (int chunk = 0; chunk < chunks; chunk++) {
      done(version, chunk);
    }
    return last(FederatedOutput.Version.class).get(0).commit();
  }

  /** A chunk's share of the inner products of vectors, [updates][coordinates]. */
  ChunkGram gram(double[][] rows, int chunk) {
    int width = rows[0].length / chunks;
    List<Double> products = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      for (int j = i; j < rows.length; j++) {
        double product = 0;
        for (int c = chunk * width; c < (chunk + 1) * width; c++) {
          product += rows[i][c] * rows[j][c];
        }
        products.add(product);
      }
    }
    return new ChunkGram(MODEL, state.openOrNull.version, chunk, rows.length, products);
  }

  /** The newest freeze among all outputs, the same in every chunk's command. */
  RoundFreeze freeze() {
    return freezes().get(freezes().size() - 1);
  }

  /** Freezes, as chunk 0 has them. */
  List<RoundFreeze> freezes() {
    List<RoundFreeze> freezes = new ArrayList<>();
    for (FederatedOutput output : outputs) {
      if (output instanceof FederatedOutput.Command command
          && command.key().equals(FederatedKeys.chunk(MODEL, 0))) {
        byte[] framed = AUTHORITY.open(command.key(), command.record());
        if (SingleObject.recordName(framed).equals("RoundFreeze")) {
          freezes.add(SingleObject.of(RoundFreeze.class).decode(framed));
        }
      }
    }
    return freezes;
  }

  <T extends FederatedOutput> List<T> last(Class<T> type) {
    return of(last, type);
  }

  <T extends FederatedOutput> List<T> all(Class<T> type) {
    return of(outputs, type);
  }

  private static <T extends FederatedOutput> List<T> of(
      List<FederatedOutput> outputs, Class<T> type) {
    return outputs.stream().filter(type::isInstance).map(type::cast).toList();
  }

  /** Outcomes of the newest input as CLIENT:OUTCOME, in order. */
  List<String> lastOutcomes() {
    return last(FederatedOutput.Outcome.class).stream()
        .map(output -> output.outcome().getClient() + ":" + output.outcome().getOutcome())
        .toList();
  }

  List<UpdateOutcome> allOutcomes() {
    return all(FederatedOutput.Outcome.class).stream()
        .map(FederatedOutput.Outcome::outcome)
        .toList();
  }

  static List<String> clients(RoundFreeze freeze) {
    return freeze.getContributions().stream().map(part -> part.getClient()).toList();
  }

  static byte[] bytes(FederatedInput input) {
    return input instanceof FederatedInput.Request request
        ? encoded(request.request())
        : input instanceof FederatedInput.Commit commit
            ? encoded(commit.commit())
            : input instanceof FederatedInput.Authorised authorised
                ? encoded(authorised.record())
                : input instanceof FederatedInput.Update update
                    ? encoded(update.chunk())
                    : encoded(MaskedFederation.record(input));
  }

  static byte[] bytes(FederatedOutput output) {
    byte[] value =
        output instanceof FederatedOutput.Command command
            ? encoded(command.record())
            : output instanceof FederatedOutput.Task task
                ? encoded(task.offer())
                : output instanceof FederatedOutput.Version version
                    ? encoded(version.commit())
                    : output instanceof FederatedOutput.Pointer pointer
                        ? encoded(pointer.pointer())
                        : output instanceof FederatedOutput.Plan plan
                            ? encoded(plan.plan())
                            : output instanceof FederatedOutput.Account account
                                ? encoded(account.account())
                                : output instanceof FederatedOutput.Status status
                                    ? encoded(status.status())
                                    : output instanceof FederatedOutput.Outcome outcome
                                        ? encoded(outcome.outcome())
                                        : encoded(MaskedFederation.record(output));
    return new CanonicalBytes(output.getClass().getSimpleName())
        .text(output.key())
        .bytes(value)
        .toBytes();
  }

  @SuppressWarnings("unchecked")
  static <T extends SpecificRecord> byte[] encoded(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }
}
