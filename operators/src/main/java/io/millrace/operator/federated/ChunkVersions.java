package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.ModelChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Chunks of versions as they are published, and version 0 as it comes. Stateless. */
final class ChunkVersions {
  /** Numbers of a chunk at most. */
  static final int MOST_NUMBERS = 1 << 20;

  private ChunkVersions() {}

  /**
   * A chunk of a version.
   *
   * @param elementBytes 4 or 8
   */
  static ModelChunk chunk(ChunkState state, long version, double[] control, int elementBytes) {
    return sealed(
        new ModelChunk(
            FederatedKeys.modelOf(state.key),
            version,
            FederatedKeys.chunkOf(state.key),
            state.chunkCount,
            ByteBuffer.wrap(state.schemaHash.clone()),
            elementBytes,
            bytes(state.versions.get(version), elementBytes),
            bytes(control, Double.BYTES),
            ByteBuffer.allocate(0)));
  }

  /** A chunk of a node's version: its first variable. */
  static ModelChunk chunk(MixingState state, int node, int elementBytes) {
    return sealed(
        new ModelChunk(
            FederatedKeys.node(FederatedKeys.modelOf(state.key), state.nodes.get(node)),
            state.version,
            FederatedKeys.chunkOf(state.key),
            state.chunkCount,
            ByteBuffer.wrap(state.schemaHash.clone()),
            elementBytes,
            bytes(Arrays.copyOf(state.values[node], state.length), elementBytes),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0)));
  }

  private static ModelChunk sealed(ModelChunk chunk) {
    chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
    return chunk;
  }

  /** The largest published number of so many bytes. */
  static double largest(int elementBytes) {
    return elementBytes == Float.BYTES ? Float.MAX_VALUE : Double.MAX_VALUE;
  }

  /** Whether all values are numbers, up to a bound in size. */
  static boolean fits(double[] values, double largest) {
    boolean fits = true;
    for (double value : values) {
      fits &= Math.abs(value) <= largest;
    }
    return fits;
  }

  /**
   * The numbers of version 0.
   *
   * @param key of the state that it came to
   * @param started whether that has one already
   * @throws InvalidInputException for a chunk that cannot start a model
   */
  static double[] start(String key, boolean started, ModelChunk chunk) {
    if (chunk.getChunk() < 0
        || !key.equals(FederatedKeys.chunk(chunk.getModel(), chunk.getChunk()))) {
      throw refuse(
          Reason.BAD_KEY, "chunk " + chunk.getChunk() + " under key " + key + " is another's");
    }
    FederatedKeys.chunkOf(key);
    if (started) {
      throw refuse(Reason.DUPLICATE, "version 0 of " + key + " has come before");
    }
    if (chunk.getVersion() != 0 || chunk.getControl().hasRemaining()) {
      throw refuse(
          Reason.MALFORMED,
          "chunk is of version " + chunk.getVersion() + ", expected 0 without control");
    }
    if (chunk.getChunkCount() <= chunk.getChunk()
        || chunk.getChunkCount() > FederatedKeys.MOST_CHUNKS
        || chunk.getSchemaHash().remaining() != UpdateIntake.DIGEST_BYTES) {
      throw refuse(
          Reason.MALFORMED,
          "model has "
              + chunk.getChunkCount()
              + " chunks and a schema hash of "
              + chunk.getSchemaHash().remaining()
              + " bytes");
    }
    if (!ByteBuffer.wrap(Digests.of(chunk)).equals(chunk.getDigest())) {
      throw refuse(Reason.MALFORMED, "digest of version 0 is not that of the chunk");
    }
    return values(chunk);
  }

  private static double[] values(ModelChunk chunk) {
    int bytes = chunk.getElementBytes();
    int remaining = chunk.getValues().remaining();
    if (bytes != Float.BYTES && bytes != Double.BYTES || remaining % bytes != 0) {
      throw refuse(Reason.MALFORMED, "chunk has " + remaining + " bytes in elements of " + bytes);
    }
    int length = remaining / bytes;
    if (length < 1 || length > MOST_NUMBERS) {
      throw refuse(
          Reason.TOO_LARGE, "chunk has " + length + " numbers, expected 1 to " + MOST_NUMBERS);
    }
    ByteBuffer in = chunk.getValues().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    double[] values = new double[length];
    for (int i = 0; i < length; i++) {
      values[i] = bytes == Float.BYTES ? in.getFloat() : in.getDouble();
      if (!Double.isFinite(values[i])) {
        throw refuse(Reason.NOT_FINITE, "version 0 is " + values[i] + " at number " + i);
      }
    }
    return values;
  }

  private static ByteBuffer bytes(double[] values, int elementBytes) {
    ByteBuffer out =
        ByteBuffer.allocate(values.length * elementBytes).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      if (elementBytes == Float.BYTES) {
        out.putFloat((float) value);
      } else {
        out.putDouble(value);
      }
    }
    return out.flip().order(ByteOrder.BIG_ENDIAN);
  }

  private static InvalidInputException refuse(Reason reason, String message) {
    return new InvalidInputException(reason, message);
  }
}
