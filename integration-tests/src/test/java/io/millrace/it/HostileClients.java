package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.Metric;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * Makes hostile records out of good updates and commits, each with the reason it is refused for.
 */
final class HostileClients {
  private static final int HEADER_BYTES = SingleObject.HEADER_BYTES;

  private final Random random;
  private final Deployment deployment;
  private final SimulatedFederation clients;
  private final List<Kind> updates;
  private final List<Kind> commits;
  private final List<Kind> either;
  private int next;

  /** A record with the reason it must be refused for. */
  record Hostile(SimulatedFederation.Sent sent, Reason reason, String kind) {}

  private interface Kind {
    Hostile make(SimulatedFederation.Sent good);
  }

  HostileClients(Random random, Deployment deployment, SimulatedFederation clients) {
    this.random = random;
    this.deployment = deployment;
    this.clients = clients;
    this.either =
        List.of(
            this::truncated,
            this::flippedHeader,
            this::elsewhere,
            good -> value(good, new byte[0], Reason.EMPTY, "empty"),
            good -> value(good, null, Reason.EMPTY, "no value"),
            good -> value(good, longer(good.value()), Reason.MALFORMED, "trailing bytes"),
            good ->
                framed(
                    good, new Metric("a", "b", Map.of(), 1L, 2.0), Reason.WRONG_SCHEMA, "a metric"),
            good -> forged(good, new RoundTick(SimulatedFederation.MODEL, 1L)),
            good -> forged(good, new ModelPointer(SimulatedFederation.MODEL, 0L, "ROLLED_BACK")),
            good ->
                forged(
                    good,
                    new ClientKey(SimulatedFederation.MODEL, "client-0", ByteBuffer.allocate(0))));
    this.updates =
        List.of(
            this::keyWithoutChunk,
            this::anothersKey,
            update("task of another", Reason.UNAUTHORISED, c -> c.getTask().setClient("client-9")),
            update("renumbered task", Reason.UNAUTHORISED, c -> c.getTask().setSequence(9_999L)),
            update("older base", Reason.UNAUTHORISED, c -> c.getTask().setBaseVersion(-1L)),
            update("chunk count", Reason.WRONG_DIMENSION, c -> c.setChunkCount(1 << 30)),
            update("schema", Reason.INCONSISTENT, c -> c.setSchemaHash(ByteBuffer.allocate(32))),
            update("codec", Reason.INCONSISTENT, c -> c.setCodec("top-k-0.5")),
            update("no codec", Reason.INCONSISTENT, c -> c.setCodec("x".repeat(5000))),
            update("no payload", Reason.MALFORMED, c -> c.setPayload(ByteBuffer.allocate(0))),
            update("cut payload", Reason.MALFORMED, c -> c.getPayload().limit(8)),
            update("NaN", Reason.NOT_FINITE, c -> number(c, Float.NaN)),
            update("infinity", Reason.NOT_FINITE, c -> number(c, Float.NEGATIVE_INFINITY)),
            update("1e30", Reason.OUT_OF_RANGE, c -> number(c, 1e30f)),
            update("second payload", Reason.MALFORMED, c -> c.setSecond(ByteBuffer.allocate(4))),
            this::wrongDigest,
            good ->
                framed(
                    good,
                    new TaskRequest(SimulatedFederation.MODEL, "client-0", 0L),
                    Reason.WRONG_SCHEMA,
                    "a request"));
    this.commits =
        List.of(
            this::taskOfAnother,
            commit("more examples", c -> c.setExamples(1 << 20)),
            commit("another root", c -> c.setRoot(ByteBuffer.allocate(32))),
            commit("no signature", c -> c.setSignature(ByteBuffer.allocate(0))),
            commit("cut signature", c -> c.getSignature().limit(63)),
            this::anotherModel,
            this::stranger,
            this::crookedName);
  }

  /**
   * The next hostile record, kinds in turn.
   *
   * @param good an update or commit that is still to be sent
   */
  Hostile next(SimulatedFederation.Sent good) {
    List<Kind> own = good.topic().equals(deployment.topic("updates")) ? updates : commits;
    int kind = next++ % (own.size() + either.size());
    return (kind < own.size() ? own.get(kind) : either.get(kind - own.size())).make(good);
  }

  private Hostile truncated(SimulatedFederation.Sent good) {
    int length = 1 + random.nextInt(good.value().length - 1);
    Reason reason = length < HEADER_BYTES ? Reason.BAD_FRAMING : Reason.MALFORMED;
    return value(good, Arrays.copyOf(good.value(), length), reason, "truncated to " + length);
  }

  private Hostile flippedHeader(SimulatedFederation.Sent good) {
    byte[] value = good.value().clone();
    int bit = random.nextInt(HEADER_BYTES * Byte.SIZE);
    value[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
    Reason reason = bit < 2 * Byte.SIZE ? Reason.BAD_FRAMING : Reason.UNKNOWN_SCHEMA;
    return value(good, value, reason, "header bit " + bit);
  }

  private byte[] longer(byte[] value) {
    return Arrays.copyOf(value, value.length + 1 + random.nextInt(9));
  }

  /** A good record where no key of its kind belongs: it would begin a second state. */
  private Hostile elsewhere(SimulatedFederation.Sent good) {
    int home = clients.partition(good);
    int other = (home + 1 + random.nextInt(deployment.partitions() - 1)) % deployment.partitions();
    return new Hostile(
        new SimulatedFederation.Sent(good.topic(), other, good.key(), good.value()),
        Reason.BAD_KEY,
        "elsewhere");
  }

  private Hostile keyWithoutChunk(SimulatedFederation.Sent good) {
    return new Hostile(
        new SimulatedFederation.Sent(
            good.topic(),
            good.partition(),
            SimulatedFederation.MODEL.getBytes(UTF_8),
            good.value()),
        Reason.BAD_KEY,
        "key without chunk");
  }

  private Hostile anothersKey(SimulatedFederation.Sent good) {
    int chunk = FederatedKeys.chunkOf(new String(good.key(), UTF_8));
    int other = (chunk + 1) % SimulatedFederation.CHUNKS;
    return new Hostile(
        new SimulatedFederation.Sent(
            good.topic(),
            other % deployment.partitions(),
            FederatedKeys.chunk(SimulatedFederation.MODEL, other).getBytes(UTF_8),
            good.value()),
        Reason.BAD_KEY,
        "another chunk's key");
  }

  /** Keeps the authenticator of what the task said before. */
  private static Kind update(String kind, Reason reason, Consumer<UpdateChunk> change) {
    return good -> {
      UpdateChunk chunk = SingleObject.of(UpdateChunk.class).decode(good.value());
      change.accept(chunk);
      return framed(good, SimulatedFederation.digested(chunk), reason, kind);
    };
  }

  private Hostile wrongDigest(SimulatedFederation.Sent good) {
    UpdateChunk chunk = SingleObject.of(UpdateChunk.class).decode(good.value());
    number(chunk, 0.25f);
    return framed(good, chunk, Reason.MALFORMED, "digest of other numbers");
  }

  private static void number(UpdateChunk chunk, float value) {
    ByteBuffer payload =
        ByteBuffer.allocate(chunk.getPayload().remaining()).order(ByteOrder.LITTLE_ENDIAN);
    payload.put(chunk.getPayload().duplicate());
    payload.putFloat(payload.capacity() - Float.BYTES, value);
    chunk.setPayload(payload.flip().order(ByteOrder.BIG_ENDIAN));
  }

  /** Signed by a client that the task was not given to. */
  private Hostile taskOfAnother(SimulatedFederation.Sent good) {
    ClientCommit commit = SingleObject.of(ClientCommit.class).decode(good.value());
    List<String> all = clients.clients();
    int other = (all.indexOf(commit.getTask().getClient()) + 1) % all.size();
    commit.getTask().setClient(all.get(other));
    return framed(good, clients.signed(commit), Reason.UNAUTHORISED, "task of another");
  }

  /** Keeps the signature of what the commit said before. */
  private static Kind commit(String kind, Consumer<ClientCommit> change) {
    return good -> {
      ClientCommit commit = SingleObject.of(ClientCommit.class).decode(good.value());
      change.accept(commit);
      return framed(good, commit, Reason.UNAUTHORISED, kind);
    };
  }

  private Hostile anotherModel(SimulatedFederation.Sent good) {
    return framed(
        good, new TaskRequest("other", "client-0", 0L), Reason.BAD_KEY, "another model's request");
  }

  private Hostile stranger(SimulatedFederation.Sent good) {
    return framed(
        good,
        new TaskRequest(SimulatedFederation.MODEL, "mallory", 0L),
        Reason.UNAUTHORISED,
        "a client without key");
  }

  private Hostile crookedName(SimulatedFederation.Sent good) {
    return framed(
        good,
        new TaskRequest(SimulatedFederation.MODEL, "client-0/000000", 0L),
        Reason.BAD_KEY,
        "a name with a slash");
  }

  /** What only the owner may say, with an authenticator of nobody's. */
  private static Hostile forged(SimulatedFederation.Sent good, SpecificRecord order) {
    byte[] authenticator = new byte[32];
    authenticator[3] = 7;
    return framed(
        good,
        new AuthorisedRecord(ByteBuffer.wrap(encode(order)), ByteBuffer.wrap(authenticator)),
        Reason.UNAUTHORISED,
        "forged " + order.getSchema().getName());
  }

  private static Hostile framed(
      SimulatedFederation.Sent good, SpecificRecord record, Reason reason, String kind) {
    return value(good, encode(record), reason, kind);
  }

  private static Hostile value(
      SimulatedFederation.Sent good, byte[] valueOrNull, Reason reason, String kind) {
    return new Hostile(
        new SimulatedFederation.Sent(good.topic(), good.partition(), good.key(), valueOrNull),
        reason,
        kind);
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }
}
