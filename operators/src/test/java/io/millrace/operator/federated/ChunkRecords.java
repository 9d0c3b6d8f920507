package io.millrace.operator.federated;

import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;

/** Records of the updates topic, as clients and the control make them. */
final class ChunkRecords {
  static final byte[] MASTER_KEY = "a master key of the tests".getBytes(StandardCharsets.UTF_8);
  static final String MODEL = "model:1";
  static final byte[] SCHEMA_HASH =
      CanonicalBytes.sha256("schema".getBytes(StandardCharsets.UTF_8));

  final Authority authority = new Authority(MASTER_KEY);

  static float[] slice(float[] whole, int chunk, int chunkLength) {
    int from = chunk * chunkLength;
    return Arrays.copyOfRange(whole, from, Math.min(whole.length, from + chunkLength));
  }

  UpdateTask task(String client, long sequence, long baseVersion, long seed) {
    return authority.vouch(
        new UpdateTask(MODEL, client, sequence, 0L, baseVersion, seed, 0L, ByteBuffer.allocate(0)));
  }

  /** A chunk with its digest. */
  static UpdateChunk chunk(
      UpdateTask task, int chunk, int chunkCount, String codec, byte[] payload, byte[] second) {
    UpdateChunk update =
        new UpdateChunk(
            task,
            chunk,
            chunkCount,
            ByteBuffer.wrap(SCHEMA_HASH),
            codec,
            ByteBuffer.wrap(payload),
            ByteBuffer.wrap(second),
            ByteBuffer.allocate(0));
    return sealed(update);
  }

  /** With the digest of what it is now. */
  static UpdateChunk sealed(UpdateChunk chunk) {
    chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
    return chunk;
  }

  /** A chunk of version 0, as double. */
  FederatedInput start(int chunk, int chunkCount, double... values) {
    return start(chunk, chunkCount, SCHEMA_HASH, values);
  }

  /** Likewise, of a model of this schema. */
  FederatedInput start(int chunk, int chunkCount, byte[] schemaHash, double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Double.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asDoubleBuffer().put(values);
    ModelChunk model =
        new ModelChunk(
            MODEL,
            0L,
            chunk,
            chunkCount,
            ByteBuffer.wrap(schemaHash),
            Double.BYTES,
            bytes,
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    model.setDigest(ByteBuffer.wrap(Digests.of(model)));
    return authorised(chunk, ModelChunk.class, model);
  }

  <T extends SpecificRecord> FederatedInput authorised(int chunk, Class<T> type, T record) {
    byte[] framed = SingleObject.of(type).encode(record);
    AuthorisedRecord authorised = authority.authorise(FederatedKeys.chunk(MODEL, chunk), framed);
    return new FederatedInput.Authorised(authorised);
  }

  static Contribution part(String client, long sequence, int weight, double factor) {
    ByteBuffer root = ByteBuffer.allocate(32);
    return new Contribution(client, sequence, weight, factor, root, Float.MAX_VALUE, 1, 0L);
  }

  /** A freeze of the mean over these. */
  static RoundFreeze freeze(long version, List<Contribution> parts, float largest) {
    long weights = parts.stream().mapToLong(Contribution::getWeight).sum();
    RoundFreeze freeze = new RoundFreeze();
    freeze.setModel(MODEL);
    freeze.setRound(version);
    freeze.setVersion(version);
    freeze.setParent(version - 1);
    freeze.setContributions(parts);
    freeze.setDropped(List.of());
    freeze.setLargest(largest);
    freeze.setTotalWeight(weights);
    freeze.setDivisor((double) weights);
    freeze.setRate(1.0);
    freeze.setSeed(version);
    freeze.setNoise(0.0);
    freeze.setNeedsDecision(false);
    freeze.setReveals(List.of());
    return freeze;
  }

  static RoundDecision decision(long version, List<Double> weights, List<List<Integer>> groups) {
    return new RoundDecision(MODEL, version, version, "rule", weights, groups);
  }
}
