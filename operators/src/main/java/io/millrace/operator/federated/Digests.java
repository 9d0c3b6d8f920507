package io.millrace.operator.federated;

import io.millrace.schema.ClientCommit;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.Rejection;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/** What is hashed and signed of each record, in the order of the schema's fields. Stateless. */
public final class Digests {
  private Digests() {}

  /** {@code ModelDefinition.schemaHash}, of the fields before it. */
  public static byte[] of(ModelDefinition definition) {
    CanonicalBytes bytes =
        new CanonicalBytes("model")
            .text(definition.getModel())
            .number(definition.getLength())
            .number(definition.getChunkLength())
            .number(definition.getLayers().size());
    for (ModelLayer layer : definition.getLayers()) {
      bytes.text(layer.getName()).number(layer.getOffset()).number(layer.getShape().size());
      layer.getShape().forEach(bytes::number);
    }
    return bytes.sha256();
  }

  /** {@code ModelChunk.digest}. */
  public static byte[] of(ModelChunk chunk) {
    return new CanonicalBytes("model-chunk")
        .text(chunk.getModel())
        .number(chunk.getVersion())
        .number(chunk.getChunk())
        .bytes(chunk.getValues())
        .bytes(chunk.getControl())
        .sha256();
  }

  /** {@code UpdateChunk.digest}. */
  public static byte[] of(UpdateChunk chunk) {
    return task(new CanonicalBytes("update-chunk"), chunk.getTask())
        .number(chunk.getChunk())
        .text(chunk.getCodec())
        .bytes(chunk.getPayload())
        .bytes(chunk.getSecond())
        .sha256();
  }

  /** What a client signs of its commit: all fields before the signature. */
  public static byte[] signed(ClientCommit commit) {
    CanonicalBytes bytes =
        task(new CanonicalBytes("client-commit"), commit.getTask())
            .number(commit.getChunkCount())
            .bytes(commit.getRoot())
            .number(commit.getSquaredNorm())
            .number(commit.getExamples())
            .number(commit.getLocalSteps())
            .number(commit.getCodecErrors().size());
    commit.getCodecErrors().forEach(error -> bytes.number((double) error));
    return measures(bytes, commit.getMeasures()).toBytes();
  }

  /** What {@link Authority} vouches for: all fields before the authenticator. */
  static byte[] vouched(UpdateTask task) {
    return fields(new CanonicalBytes("update-task"), task).toBytes();
  }

  /** {@code VersionCommit.lineage}, of the parent's and of all fields before it. */
  public static byte[] lineage(VersionCommit commit, ByteBuffer parentLineageOrEmpty) {
    CanonicalBytes bytes =
        new CanonicalBytes("version")
            .bytes(parentLineageOrEmpty)
            .text(commit.getModel())
            .number(commit.getVersion())
            .number(commit.getParent())
            .number(commit.getRound())
            .number(commit.getChunkDigests().size());
    commit.getChunkDigests().forEach(bytes::bytes);
    bytes.number(commit.getContributions().size());
    for (Contribution part : commit.getContributions()) {
      bytes
          .text(part.getClient())
          .number(part.getSequence())
          .number(part.getWeight())
          .number(part.getFactor())
          .bytes(part.getRoot())
          .number(part.getLargest())
          .number(part.getExamples())
          .number(part.getStaleness());
    }
    bytes.number(commit.getRejected().size());
    for (Rejection rejection : commit.getRejected()) {
      bytes
          .text(rejection.getClient())
          .number(rejection.getSequence())
          .text(rejection.getReason())
          .text(rejection.getMessage());
    }
    bytes
        .text(commit.getRule())
        .bytes(commit.getSettingsHash())
        .number(commit.getEpsilon())
        .number(commit.getDelta());
    return measures(bytes, commit.getMeasures())
        .number(commit.getOpenedMicros())
        .number(commit.getTimeMicros())
        .sha256();
  }

  private static CanonicalBytes task(CanonicalBytes bytes, UpdateTask task) {
    return fields(bytes, task).bytes(task.getAuthenticator());
  }

  private static CanonicalBytes fields(CanonicalBytes bytes, UpdateTask task) {
    return bytes
        .text(task.getModel())
        .text(task.getClient())
        .number(task.getSequence())
        .number(task.getRound())
        .number(task.getBaseVersion())
        .number(task.getSeed())
        .number(task.getExpiresMicros());
  }

  private static CanonicalBytes measures(CanonicalBytes bytes, Map<String, Double> measures) {
    bytes.number(measures.size());
    new TreeMap<>(measures).forEach((name, value) -> bytes.text(name).number((double) value));
    return bytes;
  }
}
