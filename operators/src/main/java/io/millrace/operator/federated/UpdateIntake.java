package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.util.Arrays;
import java.util.Optional;

/**
 * Checks a client's chunk before anything of it is kept: who, under which task, of which model, and
 * that it unpacks to finite numbers within the gate. A client may send anything. Stateless but for
 * the authority: one thread.
 */
final class UpdateIntake {
  static final int DIGEST_BYTES = 32;

  /** Of both payloads, whatever the chunk's length. */
  private static final int MOST_BYTES = 1 << 24;

  private final FederatedSettings settings;
  private final Authority authority;

  /**
   * A chunk that may be kept.
   *
   * @param squaredNorm of the chunk as unpacked
   */
  record Accepted(PendingUpdate update, double squaredNorm) {}

  UpdateIntake(FederatedSettings settings, Authority authority) {
    this.settings = settings;
    this.authority = authority;
  }

  /**
   * Checks what does not need the payload unpacked.
   *
   * @return the digest of the chunk
   * @throws InvalidInputException with the reason
   */
  byte[] identify(ChunkState state, UpdateChunk chunk) {
    UpdateTask task = chunk.getTask();
    if (!FederatedKeys.isName(task.getClient())
        || !state.key.equals(FederatedKeys.chunk(task.getModel(), Math.max(0, chunk.getChunk())))
        || chunk.getChunk() < 0) {
      throw refuse(
          Reason.BAD_KEY,
          "chunk " + chunk.getChunk() + " of a model under key " + state.key + " is another's");
    }
    authority.require(task);
    if (!state.isStarted()) {
      throw refuse(Reason.UNKNOWN_MODEL, "version 0 of " + state.key + " has not come yet");
    }
    if (chunk.getChunkCount() != state.chunkCount) {
      throw refuse(
          Reason.WRONG_DIMENSION,
          "update has " + chunk.getChunkCount() + " chunks, expected " + state.chunkCount);
    }
    if (!Arrays.equals(CanonicalBytes.array(chunk.getSchemaHash()), state.schemaHash)) {
      throw refuse(Reason.INCONSISTENT, "schema hash of the update is not that of the model");
    }
    long bytes = (long) chunk.getPayload().remaining() + chunk.getSecond().remaining();
    if (bytes > MOST_BYTES) {
      throw refuse(Reason.TOO_LARGE, "payloads have " + bytes + " bytes, expected " + MOST_BYTES);
    }
    if (task.getSequence() < 0
        || task.getBaseVersion() < 0
        || task.getBaseVersion() > state.newestVersion()) {
      throw refuse(
          Reason.UNKNOWN_MODEL,
          "update "
              + task.getSequence()
              + " starts from version "
              + task.getBaseVersion()
              + ", newest is "
              + state.newestVersion());
    }
    byte[] digest = Digests.of(chunk);
    if (!Arrays.equals(CanonicalBytes.array(chunk.getDigest()), digest)) {
      throw refuse(Reason.MALFORMED, "digest is not that of the chunk");
    }
    if (state.done.contains(task.getSequence())) {
      throw refuse(
          Reason.ENDED, "update " + task.getSequence() + " is in a version, or will never be");
    }
    return digest;
  }

  /**
   * Unpacks a chunk that is not held yet.
   *
   * @throws InvalidInputException with the reason
   */
  Accepted open(ChunkState state, UpdateChunk chunk, byte[] digest) {
    UpdateTask task = chunk.getTask();
    byte[] payload = CanonicalBytes.array(chunk.getPayload());
    byte[] second = CanonicalBytes.array(chunk.getSecond());
    room(state, (long) payload.length + second.length);
    PendingUpdate.Source source =
        new PendingUpdate.Source(
            task.getClient(), task.getSequence(), task.getBaseVersion(), task.getSeed());
    if (settings.rounds().policy() instanceof FederatedSettings.Masked) {
      return masked(state, new PendingUpdate(source, chunk.getCodec(), digest, payload, second, 0));
    }
    if (!settings.exchange().codecs().contains(chunk.getCodec())) {
      throw refuse(
          Reason.INCONSISTENT,
          "codec of the update is "
              + (chunk.getCodec().length() > 64 ? "unknown" : chunk.getCodec())
              + ", expected one of "
              + settings.exchange().codecs());
    }
    boolean twofold = settings.method().averaging() == AveragingMethod.SCAFFOLD;
    boolean factored = settings.method().server().optimiser() == OptimiserName.MKOR;
    if (!twofold && !factored && second.length > 0) {
      throw refuse(
          Reason.MALFORMED, "second payload has " + second.length + " bytes, expected none");
    }
    float[] values = decode(chunk.getCodec(), payload, state.length(), task.getSeed());
    double squaredNorm = NormGate.squaredNorm(values, 0, values.length);
    new NormGate(settings.admission().largestNorm())
        .refusal(squaredNorm)
        .ifPresent(
            message -> {
              throw refuse(Reason.OUT_OF_RANGE, "chunk alone: " + message);
            });
    float largest = Math.max(largest(values), packedLargest(state, chunk.getCodec(), payload));
    float increment = largest;
    if (twofold) {
      float[] control = decode(chunk.getCodec(), second, state.length(), task.getSeed());
      increment = largest(control);
    }
    if (factored) {
      increment = largest(vectors(state, second));
    }
    if (settings.method().averaging().remembers()) {
      remembered(state, task, increment);
    }
    return new Accepted(
        new PendingUpdate(
            source, chunk.getCodec(), digest, payload, second, Math.max(largest, increment)),
        squaredNorm);
  }

  /** What {@link ServerKronecker} asks for beside the update. */
  private float[] vectors(ChunkState state, byte[] second) {
    int numbers = ServerKronecker.vectors(ServerKronecker.layout(state));
    float[] vectors = decode("plain", second, numbers, 0);
    new NormGate(settings.admission().largestNorm())
        .refusal(NormGate.squaredNorm(vectors, 0, numbers))
        .ifPresent(
            message -> {
              throw refuse(Reason.OUT_OF_RANGE, "activations and gradients: " + message);
            });
    return vectors;
  }

  /** Of a masked chunk nothing is known but its length: any bytes can be one. */
  private Accepted masked(ChunkState state, PendingUpdate update) {
    MaskedCodec codec = new MaskedCodec(settings.exchange().codecs().get(0));
    if (!update.codec().equals(codec.name()) || update.second().length > 0) {
      throw refuse(
          Reason.INCONSISTENT,
          "update is not masked as asked, expected codec " + codec.name() + " and one payload");
    }
    try {
      MaskedSum.check(update.payload(), codec.packedLength(state.length()));
    } catch (IllegalArgumentException e) {
      throw refuse(Reason.MALFORMED, e.getMessage());
    }
    return new Accepted(update, 0);
  }

  private void room(ChunkState state, long bytes) {
    int most = settings.exchange().pendingUpdates();
    if (state.pending.size() >= most) {
      throw refuse(
          Reason.TOO_LARGE, "chunk holds " + most + " updates already, the most there may be");
    }
    if (state.pendingBytes + bytes > settings.exchange().pendingBytes()) {
      throw refuse(
          Reason.TOO_LARGE,
          "update has "
              + bytes
              + " bytes, chunk holds "
              + state.pendingBytes
              + " of "
              + settings.exchange().pendingBytes());
    }
  }

  private static float[] decode(String codec, byte[] payload, int length, long seed) {
    try {
      return UpdateCodecs.named(codec).decode(payload, length, seed);
    } catch (Payload.NotFiniteException e) {
      throw refuse(Reason.NOT_FINITE, e.getMessage());
    } catch (IllegalArgumentException e) {
      throw refuse(Reason.MALFORMED, e.getMessage());
    }
  }

  /**
   * The largest packed value of a linear codec: packed sums are of these. No pack of an update
   * within the norm gate has a value beyond norm x sqrt(2 c), and one that does would spoil the
   * fixed point for all others.
   */
  private float packedLargest(ChunkState state, String codec, byte[] payload) {
    Optional<LinearCodec> linear = UpdateCodecs.linear(codec);
    if (linear.isEmpty()) {
      return 0;
    }
    int packed = linear.get().packedLength(state.length());
    float largest = largest(new PlainCodec().decode(payload, packed, 0));
    double bound = settings.admission().largestNorm() * Math.sqrt(2.0 * state.length());
    if (!(largest <= bound)) {
      throw refuse(
          Reason.OUT_OF_RANGE, "packed value is " + largest + ", expected at most " + bound);
    }
    return largest;
  }

  /**
   * Passes increments that leave the client's memory within its share of the sum's range, whatever
   * of its other pending updates is taken: no sum can overflow, then.
   */
  private void remembered(ChunkState state, UpdateTask task, float increment) {
    int bits =
        state.totalOrNull == null ? settings.method().memoryBits() : state.totalOrNull.bits();
    int clients = settings.method().clients();
    double most = FixedPointMemory.largestSum(bits) / (2.0 * clients);
    ChunkState.ClientMemoryEntry entry = state.memories.get(task.getClient());
    double reached = increment + (entry == null ? 0 : entry.memory.largest());
    boolean known = entry != null;
    int waiting = 0;
    for (PendingUpdate other : state.pending.values()) {
      if (other.source().client().equals(task.getClient())) {
        reached += other.largest();
        known = true;
      } else if (!state.memories.containsKey(other.source().client())) {
        waiting++;
      }
    }
    if (!(increment < FixedPointMemory.largestIncrement(bits)) || !(reached <= most)) {
      throw refuse(
          Reason.OUT_OF_RANGE,
          "increment reaches " + increment + ", memory " + reached + ", expected at most " + most);
    }
    if (!known && state.memories.size() + waiting >= clients) {
      throw refuse(
          Reason.OUT_OF_RANGE,
          "client " + task.getClient() + " is one more than the " + clients + " of the settings");
    }
  }

  static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static InvalidInputException refuse(Reason reason, String message) {
    return new InvalidInputException(reason, message);
  }
}
