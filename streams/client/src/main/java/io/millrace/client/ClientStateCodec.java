package io.millrace.client;

import io.millrace.operator.federated.ClientMethods;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/**
 * A client's state as bytes, little endian; texts and byte strings after their length as an int:
 *
 * <pre>
 * "MRFC" | int version 2 | text model | text client | long last sequence
 * byte 1 with a memory, else 0; then
 *   text method | int n, n times: text parameter, double value
 *   int chunks | each: int numbers, bytes memory
 * int open updates | each: byte delivered, bytes ClientCommit
 *   int chunks | each: bytes UpdateChunk
 * byte 1 within a masked round, else 0; then                      since version 2
 *   bytes TaskOffer | 32 secret
 *   bytes MaskCohort | bytes MaskDelivery | bytes MaskSurvivors   empty: not taken yet
 * SHA-256 of all before, 32 bytes
 * </pre>
 *
 * <p>Records are in single-object encoding. Versions 1 and 2 are read, 2 is written. At most 2 GiB.
 * One thread.
 */
final class ClientStateCodec {
  private static final int MAGIC = 'M' | 'R' << 8 | 'F' << 16 | 'C' << 24;
  private static final int VERSION = 2;
  private static final int MASKS_SINCE = 2;
  private static final int SECRET_BYTES = 32;
  private static final int DIGEST_BYTES = 32;
  private static final int MOST_PARAMETERS = 1000;
  private static final int MOST_OPEN = 1 << 16;

  private final SingleObject<ClientCommit> commits = SingleObject.of(ClientCommit.class);
  private final SingleObject<UpdateChunk> chunks = SingleObject.of(UpdateChunk.class);

  byte[] encode(ClientState state) {
    Sink out = new Sink();
    out.number(MAGIC).number(VERSION).text(state.model()).text(state.client());
    out.number(state.lastSequence());
    out.flag(state.remembered().isPresent());
    state.remembered().ifPresent(memory -> write(out, memory));
    out.number(state.open().size());
    for (OpenUpdate update : state.open()) {
      out.flag(update.delivered()).bytes(commits.encode(update.commit()));
      out.number(update.chunks().size());
      for (UpdateChunk chunk : update.chunks()) {
        out.bytes(chunks.encode(chunk));
      }
    }
    out.flag(state.masks().isPresent());
    state.masks().ifPresent(masks -> write(out, masks));
    return out.sealed();
  }

  private static void write(Sink out, MaskState masks) {
    out.bytes(SingleObject.of(TaskOffer.class).encode(masks.offer()));
    out.raw(ByteBuffer.wrap(masks.secret()));
    out.bytes(encode(MaskCohort.class, masks.cohort()));
    out.bytes(encode(MaskDelivery.class, masks.delivery()));
    out.bytes(encode(MaskSurvivors.class, masks.survivors()));
  }

  private static <T extends SpecificRecord> byte[] encode(Class<T> type, Optional<T> record) {
    return record.map(SingleObject.of(type)::encode).orElseGet(() -> new byte[0]);
  }

  private static void write(Sink out, Remembered memory) {
    Map<String, Double> parameters = new TreeMap<>(memory.parameters().toMap());
    out.text(memory.method().id()).number(parameters.size());
    parameters.forEach((name, value) -> out.text(name).number(Double.doubleToLongBits(value)));
    out.number(memory.lengths().length);
    for (int i = 0; i < memory.lengths().length; i++) {
      out.number(memory.lengths()[i]).bytes(memory.memories()[i]);
    }
  }

  /**
   * The state in bytes.
   *
   * @throws IllegalArgumentException for bytes that {@link #encode} cannot have written
   */
  ClientState decode(byte[] bytes) {
    int end = bytes.length - DIGEST_BYTES;
    if (end < 0
        || !Arrays.equals(
            sha256(bytes, end), 0, DIGEST_BYTES, bytes, Math.max(0, end), bytes.length)) {
      throw new IllegalArgumentException(
          "client state of " + bytes.length + " bytes is damaged: its digest differs");
    }
    ByteBuffer in = ByteBuffer.wrap(bytes, 0, end).order(ByteOrder.LITTLE_ENDIAN);
    try {
      if (in.getInt() != MAGIC) {
        throw new IllegalArgumentException("client state does not start with MRFC");
      }
      int version = in.getInt();
      if (version < 1 || version > VERSION) {
        throw new IllegalArgumentException(
            "client state has version " + version + ", this build reads 1 to " + VERSION);
      }
      String model = text(in);
      String client = text(in);
      long last = in.getLong();
      Optional<Remembered> memory = in.get() == 0 ? Optional.empty() : Optional.of(memory(in));
      List<OpenUpdate> open = new ArrayList<>();
      for (int left = count(in, MOST_OPEN, "open updates"); left > 0; left--) {
        open.add(open(in));
      }
      Optional<MaskState> masks =
          version < MASKS_SINCE || in.get() == 0 ? Optional.empty() : Optional.of(masks(in));
      if (in.hasRemaining()) {
        throw new IllegalArgumentException(in.remaining() + " bytes follow the client state");
      }
      return new ClientState(model, client, last, memory, open, masks);
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException("client state ends early", e);
    }
  }

  private static Remembered memory(ByteBuffer in) {
    String method = text(in);
    Map<String, Double> parameters = new TreeMap<>();
    for (int left = count(in, MOST_PARAMETERS, "parameters"); left > 0; left--) {
      String name = text(in);
      parameters.put(name, in.getDouble());
    }
    int[] lengths = new int[count(in, FederatedKeys.MOST_CHUNKS, "chunks")];
    byte[][] memories = new byte[lengths.length][];
    TaskParameters task = TaskParameters.of(parameters);
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = count(in, Integer.MAX_VALUE, "numbers of a chunk");
      memories[i] = bytes(in);
    }
    Remembered memory = new Remembered(ClientMethods.named(method), task, lengths, memories);
    memory.requireWhole();
    return memory;
  }

  private static MaskState masks(ByteBuffer in) {
    TaskOffer offer = SingleObject.of(TaskOffer.class).decode(bytes(in));
    byte[] secret = new byte[SECRET_BYTES];
    in.get(secret);
    return new MaskState(
        offer,
        secret,
        decode(MaskCohort.class, in),
        decode(MaskDelivery.class, in),
        decode(MaskSurvivors.class, in));
  }

  private static <T extends SpecificRecord> Optional<T> decode(Class<T> type, ByteBuffer in) {
    byte[] framed = bytes(in);
    return framed.length == 0
        ? Optional.empty()
        : Optional.of(SingleObject.of(type).decode(framed));
  }

  private OpenUpdate open(ByteBuffer in) {
    boolean delivered = in.get() != 0;
    ClientCommit commit = commits.decode(bytes(in));
    List<UpdateChunk> sent = new ArrayList<>();
    for (int left = count(in, FederatedKeys.MOST_CHUNKS, "chunks"); left > 0; left--) {
      sent.add(chunks.decode(bytes(in)));
    }
    return new OpenUpdate(commit, sent, delivered);
  }

  private static int count(ByteBuffer in, int most, String what) {
    int count = in.getInt();
    if (count < 0 || count > most) {
      throw new IllegalArgumentException("client state declares " + count + " " + what);
    }
    return count;
  }

  private static String text(ByteBuffer in) {
    return new String(bytes(in), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(ByteBuffer in) {
    byte[] bytes = new byte[count(in, in.remaining(), "bytes")];
    in.get(bytes);
    return bytes;
  }

  private static byte[] sha256(byte[] bytes, int length) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(bytes, 0, length);
      return sha256.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Bytes as they are written. */
  private static final class Sink {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 12);

    Sink number(int value) {
      return raw(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value));
    }

    Sink number(long value) {
      return raw(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value));
    }

    Sink flag(boolean value) {
      out.write(value ? 1 : 0);
      return this;
    }

    Sink text(String value) {
      return bytes(value.getBytes(StandardCharsets.UTF_8));
    }

    Sink bytes(byte[] value) {
      number(value.length);
      out.writeBytes(value);
      return this;
    }

    byte[] sealed() {
      byte[] body = out.toByteArray();
      out.writeBytes(sha256(body, body.length));
      return out.toByteArray();
    }

    Sink raw(ByteBuffer buffer) {
      out.writeBytes(buffer.array());
      return this;
    }
  }
}
