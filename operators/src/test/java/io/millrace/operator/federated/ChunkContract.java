package io.millrace.operator.federated;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

/** The laws, for one chunk of a federated model. */
abstract class ChunkContract extends OperatorContract<FederatedInput, ChunkState, FederatedOutput> {
  static final int LENGTH = 6;
  static final int CHUNK = 1;
  static final int CHUNKS = 3;
  private static final int VERSIONS = 15;
  private static final int CLIENTS = 5;

  abstract FederatedSettings settings();

  @Override
  protected Operator<FederatedInput, ChunkState, FederatedOutput> operator() {
    return new ChunkAggregation(settings(), new Authority(ChunkRecords.MASTER_KEY));
  }

  @Override
  protected StateCodec<ChunkState> codec() {
    return new ChunkStateCodec();
  }

  @Override
  protected String key() {
    return FederatedKeys.chunk(ChunkRecords.MODEL, CHUNK);
  }

  @Override
  protected List<FederatedInput> inputs(long seed) {
    return new Script(settings(), seed).inputs(VERSIONS);
  }

  /** Rounds as they may come, whatever the control would have decided. */
  static final class Script {
    private final ChunkRecords records = new ChunkRecords();
    private final FederatedSettings settings;
    private final Random random;
    private final List<FederatedInput> inputs = new ArrayList<>();
    private final List<Long> toDrop = new ArrayList<>();
    private long sequence;

    Script(FederatedSettings settings, long seed) {
      this.settings = settings;
      this.random = new Random(seed);
    }

    /**
     * So many versions, of some of five clients each, with updates that are contested, dropped,
     * carried, or come after their freeze; and updates left over.
     */
    List<FederatedInput> inputs(int versions) {
      inputs.add(records.start(CHUNK, CHUNKS, random.doubles(LENGTH).toArray()));
      for (long version = 1; version <= versions; version++) {
        List<Contribution> parts = new ArrayList<>();
        List<FederatedInput> updates = new ArrayList<>();
        for (int client = 0; client < CLIENTS; client++) {
          if (parts.size() < 3 || random.nextBoolean()) {
            updates.add(update("client-" + client, version));
            boolean weighs = !settings.method().averaging().remembers();
            double factor = weighs && random.nextInt(3) == 0 ? 0.75 : 1;
            int weight = weighs ? 1 + random.nextInt(9) : 1;
            parts.add(ChunkRecords.part("client-" + client, sequence - 1, weight, factor));
          }
        }
        FederatedInput last = random.nextInt(4) == 0 ? updates.remove(2) : null;
        inputs.addAll(updates);
        strays(version);
        parts.sort(Comparator.comparing(Contribution::getClient));
        inputs.add(freeze(version, parts));
        if (last != null) {
          inputs.add(last);
        }
        if (settings.robust().needsDecision()) {
          inputs.add(decision(version, parts.size()));
        }
      }
      strays(versions);
      return inputs;
    }

    /** Updates that no version takes; sometimes two that contest each other. */
    private void strays(long version) {
      if (random.nextInt(3) == 0) {
        inputs.add(update("client-9", version));
        toDrop.add(sequence - 1);
        if (random.nextBoolean()) {
          sequence--;
          inputs.add(update("client-9", version));
        }
      }
    }

    private FederatedInput update(String client, long version) {
      long base = Math.max(0, version - 1 - random.nextInt(3));
      UpdateTask task = records.task(client, sequence++, base, version);
      float[] values = new float[LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        values[i] = (float) random.nextGaussian();
      }
      List<String> codecs = settings.exchange().codecs();
      String codec = codecs.get(random.nextInt(codecs.size()));
      byte[] payload = UpdateCodecs.named(codec).encode(values, version);
      boolean twofold = settings.method().averaging() == AveragingMethod.SCAFFOLD;
      return new FederatedInput.Update(
          ChunkRecords.chunk(task, CHUNK, CHUNKS, codec, payload, twofold ? payload : new byte[0]));
    }

    private FederatedInput freeze(long version, List<Contribution> parts) {
      RoundFreeze freeze = ChunkRecords.freeze(version, parts, 1e4f);
      freeze.setRate(0.25);
      freeze.setNeedsDecision(settings.robust().needsDecision());
      freeze.setNoise(settings.privacy().noise());
      if (version % 7 == 0) {
        freeze.setParent(version - 3);
      }
      if (toDrop.size() > 2) {
        freeze.setDropped(List.copyOf(toDrop));
        toDrop.clear();
      }
      return records.authorised(CHUNK, RoundFreeze.class, freeze);
    }

    private FederatedInput decision(long version, int updates) {
      List<List<Integer>> groups = new ArrayList<>();
      List<Double> weights = new ArrayList<>();
      if (settings.robust().rule().fromGram()) {
        int rows = updates + (settings.robust().rule().hasReference() ? 1 : 0);
        for (int i = 0; i < rows; i++) {
          weights.add(random.nextInt(3) / 2.0);
        }
      } else {
        for (int i = 0; i < updates; i++) {
          groups.add(List.of(Math.min(i, updates - 2), updates - 1));
        }
      }
      RoundDecision decision = ChunkRecords.decision(version, weights, groups);
      return records.authorised(CHUNK, RoundDecision.class, decision);
    }
  }

  @Override
  protected List<FederatedInput> refused(FederatedInput newest) {
    ChunkRecords records = new ChunkRecords();
    UpdateTask forged = records.task("client-1", 4000, 0, 1);
    forged.setSequence(4001);
    byte[] payload = new byte[4 * LENGTH];
    return List.of(
        newest,
        new FederatedInput.Update(
            ChunkRecords.chunk(forged, CHUNK, CHUNKS, "plain", payload, new byte[0])),
        new FederatedInput.Update(
            ChunkRecords.chunk(
                records.task("client-1", 4000, 0, 1), 0, CHUNKS, "plain", payload, new byte[0])),
        new FederatedInput.Update(
            ChunkRecords.chunk(
                records.task("client-1", 4000, 1000, 1),
                CHUNK,
                CHUNKS,
                "plain",
                payload,
                new byte[0])),
        records.authorised(
            CHUNK,
            RoundFreeze.class,
            ChunkRecords.freeze(1000, List.of(ChunkRecords.part("client-1", 4000, 1, 1)), 1)),
        records.authorised(
            CHUNK, RoundDecision.class, ChunkRecords.decision(1000, List.of(), List.of())),
        new FederatedInput.Authorised(
            new AuthorisedRecord(ByteBuffer.wrap(payload), ByteBuffer.wrap(new byte[32]))),
        new FederatedInput.Request(new TaskRequest(ChunkRecords.MODEL, "client-1", 0L)),
        new FederatedInput.Commit(new ClientCommit()));
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
    } else if (output instanceof FederatedOutput.Memory memory) {
      bytes.bytes(SingleObject.of(ClientMemory.class).encode(memory.memory()));
    } else if (output instanceof FederatedOutput.Report report) {
      bytes.bytes(SingleObject.of(AuthorisedRecord.class).encode(report.record()));
    }
    return bytes.toBytes();
  }

  @Override
  protected void overwrite(FederatedInput input) {
    if (input instanceof FederatedInput.Update update) {
      UpdateChunk chunk = update.chunk();
      for (ByteBuffer bytes :
          List.of(
              chunk.getPayload(), chunk.getSecond(), chunk.getDigest(), chunk.getSchemaHash())) {
        if (bytes.array() != ChunkRecords.SCHEMA_HASH) {
          Arrays.fill(bytes.array(), (byte) 99);
        }
      }
      chunk.getTask().setClient("another");
      chunk.getTask().setSequence(-1);
      chunk.setCodec("none");
    } else {
      AuthorisedRecord record = ((FederatedInput.Authorised) input).record();
      Arrays.fill(record.getRecord().array(), (byte) 99);
      Arrays.fill(record.getAuthenticator().array(), (byte) 99);
    }
  }

  @Override
  protected String goldenFamily() {
    return "federated-chunk";
  }
}
