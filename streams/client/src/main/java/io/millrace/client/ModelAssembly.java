package io.millrace.client;

import io.millrace.operator.federated.Digests;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Puts a version together from its chunks, in any order, and takes none whose bytes are not those
 * that the version's commit names: SHA-256 over model, version, chunk and numbers. One thread.
 */
public final class ModelAssembly {
  private final VersionCommit commit;
  private final ByteBuffer schemaHash;
  private final double[][] chunks;
  private final double[][] controls;
  private int missing;
  private String refusal = "";

  /**
   * @param schemaHash of the task
   * @param chunkCount of the task
   * @throws IllegalArgumentException for a commit of another number of chunks
   */
  public ModelAssembly(VersionCommit commit, ByteBuffer schemaHash, int chunkCount) {
    if (commit.getChunkDigests().size() != chunkCount) {
      throw new IllegalArgumentException(
          "version "
              + commit.getVersion()
              + " has "
              + commit.getChunkDigests().size()
              + " chunks, the task says "
              + chunkCount);
    }
    this.commit = commit;
    this.schemaHash = schemaHash.duplicate();
    this.chunks = new double[chunkCount][];
    this.controls = new double[chunkCount][];
    this.missing = chunkCount;
  }

  /**
   * Takes a chunk of this version; others, and chunks that are there already, are passed over.
   *
   * @return whether it was taken; of a chunk that was tampered with {@link #refusal} tells
   */
  public boolean accept(ModelChunk chunk) {
    int index = chunk.getChunk();
    if (!chunk.getModel().equals(commit.getModel())
        || chunk.getVersion() != commit.getVersion()
        || index < 0
        || index >= chunks.length
        || chunks[index] != null) {
      return false;
    }
    byte[] digest = Digests.of(chunk);
    if (!ByteBuffer.wrap(digest).equals(commit.getChunkDigests().get(index))) {
      return refuse(index, "has another digest than the commit of the version says");
    }
    if (!chunk.getSchemaHash().equals(schemaHash) || chunk.getChunkCount() != chunks.length) {
      return refuse(index, "is of another layout than the task's");
    }
    double[] values = numbers(chunk.getValues(), chunk.getElementBytes());
    double[] control = numbers(chunk.getControl(), Double.BYTES);
    if (values.length == 0 || control.length != 0 && control.length != values.length) {
      return refuse(index, "has " + values.length + " numbers and " + control.length + " of c");
    }
    chunks[index] = values;
    controls[index] = control;
    missing--;
    return true;
  }

  /** Whether all chunks are there. */
  public boolean isComplete() {
    return missing == 0;
  }

  /** Chunks that are not there yet, rising. */
  public List<Integer> missing() {
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < chunks.length; i++) {
      if (chunks[i] == null) {
        indices.add(i);
      }
    }
    return indices;
  }

  /** What was wrong with the last chunk that was refused; empty: none was. */
  public String refusal() {
    return refusal;
  }

  /**
   * The version.
   *
   * @throws IllegalStateException while chunks are missing
   */
  public ModelVersion version() {
    if (missing > 0) {
      throw new IllegalStateException(missing + " chunks are missing" + refusal);
    }
    return new ModelVersion(commit, chunks, controls);
  }

  private boolean refuse(int index, String what) {
    refusal = "chunk " + index + " of version " + commit.getVersion() + " " + what;
    return false;
  }

  /** Finite numbers; none for bytes that are no such numbers. */
  private static double[] numbers(ByteBuffer bytes, int elementBytes) {
    ByteBuffer in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    boolean single = elementBytes == Float.BYTES;
    if (!single && elementBytes != Double.BYTES || in.remaining() % elementBytes != 0) {
      return new double[0];
    }
    double[] numbers = new double[in.remaining() / elementBytes];
    Arrays.setAll(numbers, i -> single ? in.getFloat() : in.getDouble());
    return Arrays.stream(numbers).allMatch(Double::isFinite) ? numbers : new double[0];
  }
}
