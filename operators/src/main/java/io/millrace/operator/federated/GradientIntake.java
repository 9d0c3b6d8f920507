package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.MixingSettings.Admission;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.util.Arrays;

/**
 * Checks a node's gradient before it moves anything: who, of which model and version, whether it is
 * the first one of that version, and that it unpacks to finite numbers within the gate. One thread.
 */
final class GradientIntake {
  private static final int MOST_BYTES = 1 << 24;

  private final Admission admission;
  private final Authority authority;

  GradientIntake(Admission admission, Authority authority) {
    this.admission = admission;
    this.authority = authority;
  }

  /** Number of the task that a node gets for a version. */
  static long sequence(MixingState state, long version, int node) {
    return version * state.nodes.size() + node;
  }

  /**
   * The node that a chunk is of.
   *
   * @throws InvalidInputException with the reason
   */
  int node(MixingState state, UpdateChunk chunk) {
    UpdateTask task = chunk.getTask();
    if (chunk.getChunk() < 0
        || !state.key.equals(FederatedKeys.chunk(task.getModel(), chunk.getChunk()))) {
      throw refuse(
          Reason.BAD_KEY,
          "chunk " + chunk.getChunk() + " of a model under key " + state.key + " is another's");
    }
    authority.require(task);
    if (!state.isStarted()) {
      throw refuse(Reason.UNKNOWN_MODEL, "version 0 of " + state.key + " has not come yet");
    }
    int node = state.nodes.indexOf(task.getClient());
    long base = task.getBaseVersion();
    if (node < 0 || task.getSequence() != sequence(state, base, node)) {
      throw refuse(
          Reason.INCONSISTENT,
          "task " + task.getSequence() + " of " + task.getClient() + " is none of " + state.nodes);
    }
    if (base > state.version) {
      throw refuse(
          Reason.UNKNOWN_MODEL, "gradient is at version " + base + ", newest is " + state.version);
    }
    if (base < state.taken[node] || base < state.version - admission.staleness()) {
      throw refuse(
          Reason.LATE,
          "gradient is at version "
              + base
              + ", newest is "
              + state.version
              + ", the one before was at "
              + state.taken[node]);
    }
    return node;
  }

  /**
   * The digest of a chunk that no other came before.
   *
   * @throws InvalidInputException with the reason
   */
  byte[] digest(MixingState state, int node, UpdateChunk chunk) {
    if (chunk.getChunkCount() != state.chunkCount) {
      throw refuse(
          Reason.WRONG_DIMENSION,
          "gradient has " + chunk.getChunkCount() + " chunks, expected " + state.chunkCount);
    }
    if (!Arrays.equals(CanonicalBytes.array(chunk.getSchemaHash()), state.schemaHash)) {
      throw refuse(Reason.INCONSISTENT, "schema hash of the gradient is not that of the model");
    }
    if (chunk.getPayload().remaining() > MOST_BYTES || chunk.getSecond().hasRemaining()) {
      throw refuse(
          Reason.TOO_LARGE,
          "payloads have "
              + chunk.getPayload().remaining()
              + " and "
              + chunk.getSecond().remaining()
              + " bytes, expected at most "
              + MOST_BYTES
              + " and none");
    }
    byte[] digest = Digests.of(chunk);
    if (!Arrays.equals(CanonicalBytes.array(chunk.getDigest()), digest)) {
      throw refuse(Reason.MALFORMED, "digest is not that of the chunk");
    }
    if (chunk.getTask().getBaseVersion() == state.taken[node]) {
      boolean same = Arrays.equals(digest, state.digests[node]);
      throw refuse(
          same ? Reason.DUPLICATE : Reason.INCONSISTENT,
          "version " + state.taken[node] + (same ? " has this gradient" : " has another gradient"));
    }
    return digest;
  }

  /**
   * The numbers of a chunk.
   *
   * @throws InvalidInputException with the reason
   */
  float[] values(UpdateChunk chunk, int length) {
    if (!admission.codecs().contains(chunk.getCodec())) {
      throw refuse(
          Reason.INCONSISTENT,
          "codec of the gradient is "
              + (chunk.getCodec().length() > 64 ? "unknown" : chunk.getCodec())
              + ", expected one of "
              + admission.codecs());
    }
    float[] values;
    try {
      values =
          UpdateCodecs.named(chunk.getCodec())
              .decode(CanonicalBytes.array(chunk.getPayload()), length, chunk.getTask().getSeed());
    } catch (Payload.NotFiniteException e) {
      throw refuse(Reason.NOT_FINITE, e.getMessage());
    } catch (IllegalArgumentException e) {
      throw refuse(Reason.MALFORMED, e.getMessage());
    }
    new NormGate(admission.largestNorm())
        .refusal(NormGate.squaredNorm(values, 0, length))
        .ifPresent(
            message -> {
              throw refuse(Reason.OUT_OF_RANGE, "chunk alone: " + message);
            });
    return values;
  }

  private static InvalidInputException refuse(Reason reason, String message) {
    return new InvalidInputException(reason, message);
  }
}
