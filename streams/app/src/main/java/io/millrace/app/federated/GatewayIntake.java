package io.millrace.app.federated;

import io.millrace.client.OutgoingRecord;
import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MaskDigests;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UnreadableRecordException;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.avro.specific.SpecificRecord;

/**
 * Checks what clients post and sends it once. A task is the key of idempotence: its chunk, commit
 * or record of masks that was sent already is not sent again when it comes again, and refused when
 * it comes with other bytes. Of the newest tasks only, and not beyond a restart: the aggregator
 * counts each once in any case. Any thread.
 */
final class GatewayIntake {
  private static final int REMEMBERED = 1 << 16;

  private final Consumer<OutgoingRecord> sink;
  private final Map<String, ByteBuffer> sent =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, ByteBuffer> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** What became of a post. */
  enum Outcome {
    /** It lies in the log. */
    SENT,
    /** It lay there before. */
    SENT_BEFORE
  }

  /**
   * What was posted cannot be taken.
   *
   * @param status of the answer
   */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int status;

    Refusal(int status, String message) {
      super(message, null, false, false);
      this.status = status;
    }

    int status() {
      return status;
    }
  }

  /**
   * @param sink returns when the record lies in the log; called by any thread
   */
  GatewayIntake(Consumer<OutgoingRecord> sink) {
    this.sink = sink;
  }

  /**
   * A chunk of an update.
   *
   * @param body framed UpdateChunk
   * @throws Refusal for another model or chunk, a wrong digest, or other bytes than before
   */
  Outcome chunk(String model, int chunk, byte[] body) {
    UpdateChunk update = decode(UpdateChunk.class, body);
    check(model, update.getTask());
    boolean counted =
        update.getChunkCount() <= FederatedKeys.MOST_CHUNKS
            && update.getChunk() >= 0
            && update.getChunk() < update.getChunkCount();
    if (!counted || update.getChunk() != chunk) {
      throw new Refusal(400, "record is chunk " + update.getChunk() + ", the path says " + chunk);
    }
    ByteBuffer digest = ByteBuffer.wrap(Digests.of(update));
    if (!digest.equals(update.getDigest())) {
      throw new Refusal(400, "digest is not that of the chunk");
    }
    String key = FederatedKeys.chunk(model, chunk);
    return once(
        token(update.getTask(), chunk),
        digest,
        new OutgoingRecord(Channel.UPDATES, key, chunk, body));
  }

  /**
   * A client's commit.
   *
   * @param body framed ClientCommit
   * @throws Refusal for another model, or other bytes than before
   */
  Outcome commit(String model, byte[] body) {
    ClientCommit commit = decode(ClientCommit.class, body);
    check(model, commit.getTask());
    ByteBuffer content = ByteBuffer.wrap(sha256(Digests.signed(commit)));
    return once(
        token(commit.getTask(), -1), content, new OutgoingRecord(Channel.CONTROL, model, -1, body));
  }

  /**
   * A record of a masked round: keys, shares, or what is revealed of others'.
   *
   * @param body framed MaskKeys, MaskShares or MaskReveal
   * @throws Refusal for another record or model, or other bytes than before
   */
  Outcome masks(String model, byte[] body) {
    return switch (name(body)) {
      case "MaskKeys" -> {
        MaskKeys keys = decode(MaskKeys.class, body);
        yield masks(model, keys.getTask(), -2, MaskDigests.signed(keys), body);
      }
      case "MaskShares" -> {
        MaskShares shares = decode(MaskShares.class, body);
        yield masks(model, shares.getTask(), -3, MaskDigests.signed(shares), body);
      }
      case "MaskReveal" -> {
        MaskReveal reveal = decode(MaskReveal.class, body);
        yield masks(model, reveal.getTask(), -4, MaskDigests.signed(reveal), body);
      }
      default ->
          throw new Refusal(400, "record is none of masks: MaskKeys, MaskShares or MaskReveal");
    };
  }

  private Outcome masks(String model, UpdateTask task, int place, byte[] signed, byte[] body) {
    check(model, task);
    return once(
        token(task, place),
        ByteBuffer.wrap(sha256(signed)),
        new OutgoingRecord(Channel.CONTROL, model, -1, body));
  }

  private static String name(byte[] body) {
    try {
      return SingleObject.recordName(body);
    } catch (UnreadableRecordException e) {
      throw new Refusal(400, e.getMessage());
    }
  }

  /**
   * A request for a task: sent each time, since asking again is how a client resumes.
   *
   * @param body framed TaskRequest
   * @throws Refusal for another model
   */
  Outcome request(String model, byte[] body) {
    TaskRequest request = decode(TaskRequest.class, body);
    names(model, request.getModel(), request.getClient());
    sink.accept(new OutgoingRecord(Channel.CONTROL, model, -1, body));
    return Outcome.SENT;
  }

  private Outcome once(String token, ByteBuffer content, OutgoingRecord record) {
    synchronized (sent) {
      ByteBuffer before = sent.putIfAbsent(token, content);
      if (before != null && !before.equals(content)) {
        throw new Refusal(409, "the task has another one already");
      }
      if (before != null) {
        return Outcome.SENT_BEFORE;
      }
    }
    try {
      sink.accept(record);
    } catch (RuntimeException e) {
      synchronized (sent) {
        sent.remove(token);
      }
      throw e;
    }
    return Outcome.SENT;
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static String token(UpdateTask task, int chunk) {
    return FederatedKeys.client(task.getModel(), task.getClient())
        + '/'
        + task.getSequence()
        + '/'
        + chunk
        + '/'
        + HexFormat.of().formatHex(bytes(task.getAuthenticator()));
  }

  private static byte[] bytes(ByteBuffer value) {
    byte[] bytes = new byte[value.remaining()];
    value.duplicate().get(bytes);
    return bytes;
  }

  private static void check(String model, UpdateTask task) {
    names(model, task.getModel(), task.getClient());
    if (task.getAuthenticator().remaining() != 32) {
      throw new Refusal(400, "task has no authenticator of 32 bytes");
    }
  }

  private static void names(String expected, String model, String client) {
    if (!model.equals(expected) || !FederatedKeys.isName(model)) {
      throw new Refusal(400, "record is for another model than the path");
    }
    if (!FederatedKeys.isName(client)) {
      throw new Refusal(400, "client has no name");
    }
  }

  private static <T extends SpecificRecord> T decode(Class<T> type, byte[] body) {
    Function<byte[], T> decoder = SingleObject.of(type)::decode;
    try {
      return decoder.apply(body);
    } catch (UnreadableRecordException e) {
      throw new Refusal(400, e.getMessage());
    }
  }
}
