package io.millrace.operator.federated;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.operator.federated.MixingSettings.Admission;
import io.millrace.operator.federated.MixingSettings.Exchange;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Nested;

/** The laws, for one chunk of nodes that mix. */
class MixingLawsTest {
  static final int LENGTH = 6;
  static final int NODES = 5;

  static MixingSettings settings(MixingMethod method) {
    MixingSettings usual = MixingNetwork.settings(method, "ring", NODES);
    return new MixingSettings(
        method,
        usual.graph(),
        usual.clock(),
        usual.step(),
        new Admission(1e3, 1, List.of("plain", "top-k-0.5")),
        new Exchange(Float.BYTES, 2, 36));
  }

  /** Ticks with the gradients of some nodes between them, some one tick late. */
  static List<FederatedInput> inputs(long seed, int ticks) {
    ChunkRecords records = new ChunkRecords();
    Random random = new Random(seed);
    List<FederatedInput> inputs = new ArrayList<>();
    inputs.add(records.start(0, 2, random.doubles(LENGTH).toArray()));
    long micros = MixingNetwork.FIRST_MICROS;
    inputs.add(MixingNetwork.tick(records, 0, micros));
    long[] taken = new long[NODES];
    Arrays.fill(taken, -1);
    for (int version = 0; version < ticks; version++) {
      for (int node = 0; node < NODES; node++) {
        long base = version - (version > 0 ? random.nextInt(2) : 0);
        if (random.nextInt(4) > 0 && base > taken[node]) {
          taken[node] = base;
          inputs.add(gradient(records, node, base, random));
        }
      }
      micros += 200_000 + random.nextInt(1_000_000);
      inputs.add(MixingNetwork.tick(records, 0, micros));
    }
    return inputs;
  }

  private static FederatedInput gradient(
      ChunkRecords records, int node, long version, Random random) {
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) random.nextGaussian();
    }
    UpdateTask task = MixingNetwork.task(records, node, NODES, version);
    String codec = random.nextBoolean() ? "plain" : "top-k-0.5";
    byte[] payload = UpdateCodecs.named(codec).encode(values, task.getSeed());
    return new FederatedInput.Update(ChunkRecords.chunk(task, 0, 2, codec, payload, new byte[0]));
  }

  @Nested
  class Plain extends Laws {
    @Override
    MixingMethod method() {
      return MixingMethod.PLAIN;
    }
  }

  @Nested
  class Momentum extends Laws {
    @Override
    MixingMethod method() {
      return MixingMethod.MOMENTUM;
    }
  }

  @Nested
  class Dadao extends Laws {
    @Override
    MixingMethod method() {
      return MixingMethod.DADAO;
    }
  }

  abstract static class Laws
      extends OperatorContract<FederatedInput, MixingState, FederatedOutput> {
    abstract MixingMethod method();

    @Override
    protected Operator<FederatedInput, MixingState, FederatedOutput> operator() {
      return new EdgeMixing(settings(method()), new Authority(ChunkRecords.MASTER_KEY));
    }

    @Override
    protected StateCodec<MixingState> codec() {
      return new MixingStateCodec();
    }

    @Override
    protected String key() {
      return FederatedKeys.chunk(ChunkRecords.MODEL, 0);
    }

    @Override
    protected List<FederatedInput> inputs(long seed) {
      return MixingLawsTest.inputs(seed, 40);
    }

    @Override
    protected List<FederatedInput> refused(FederatedInput newest) {
      ChunkRecords records = new ChunkRecords();
      UpdateTask forged = MixingNetwork.task(records, 1, NODES, 0);
      forged.setClient("node-2");
      byte[] payload = new byte[4 * LENGTH];
      List<FederatedInput> refused =
          new ArrayList<>(
              List.of(
                  records.start(0, 2, 1, 2),
                  MixingNetwork.tick(records, 1, Long.MAX_VALUE / 2),
                  MixingNetwork.tick(records, 0, Long.MAX_VALUE / 2),
                  new FederatedInput.Update(
                      ChunkRecords.chunk(forged, 0, 2, "plain", payload, new byte[0])),
                  new FederatedInput.Update(
                      ChunkRecords.chunk(
                          MixingNetwork.task(records, 1, NODES, 1000),
                          0,
                          2,
                          "plain",
                          payload,
                          new byte[0])),
                  new FederatedInput.Authorised(
                      new AuthorisedRecord(
                          ByteBuffer.wrap(payload), ByteBuffer.wrap(new byte[32]))),
                  new FederatedInput.Commit(new ClientCommit())));
      if (newest instanceof FederatedInput.Update) {
        refused.add(newest); // an older tick does nothing
      }
      return refused;
    }

    @Override
    protected byte[] inputBytes(FederatedInput input) {
      if (input instanceof FederatedInput.Update update) {
        return SingleObject.of(UpdateChunk.class).encode(update.chunk());
      }
      return SingleObject.of(AuthorisedRecord.class)
          .encode(((FederatedInput.Authorised) input).record());
    }

    @Override
    protected byte[] outputBytes(FederatedOutput output) {
      CanonicalBytes bytes = new CanonicalBytes(output.key());
      if (output instanceof FederatedOutput.Model model) {
        bytes.bytes(SingleObject.of(ModelChunk.class).encode(model.chunk()));
      } else if (output instanceof FederatedOutput.Task task) {
        bytes.bytes(SingleObject.of(TaskOffer.class).encode(task.offer()));
      }
      return bytes.toBytes();
    }

    @Override
    protected void overwrite(FederatedInput input) {
      if (input instanceof FederatedInput.Update update) {
        UpdateChunk chunk = update.chunk();
        Arrays.fill(chunk.getPayload().array(), (byte) 99);
        Arrays.fill(chunk.getDigest().array(), (byte) 99);
        chunk.getTask().setClient("another");
        chunk.getTask().setBaseVersion(-1);
      } else {
        AuthorisedRecord record = ((FederatedInput.Authorised) input).record();
        Arrays.fill(record.getRecord().array(), (byte) 99);
        Arrays.fill(record.getAuthenticator().array(), (byte) 99);
      }
    }

    @Override
    protected String goldenFamily() {
      return "federated-mixing";
    }
  }
}
