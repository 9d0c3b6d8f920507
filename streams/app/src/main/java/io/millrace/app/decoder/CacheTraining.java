package io.millrace.app.decoder;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.BasisLearning;
import io.millrace.operator.kvcache.BasisSettings;
import io.millrace.operator.kvcache.BasisState;
import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.runtime.Following;
import io.millrace.runtime.ModelShelf;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;

/**
 * Bases, budgets and dictionaries for a decoder's keys and values, learned by the operator that
 * learns them on a stream, from the decoder's own keys and values on some text. One thread.
 */
final class CacheTraining implements KeyValueCache {
  private static final int KEPT_VERSIONS = 4;

  private final DecoderShape shape;
  private final SessionRecords records;
  private final BasisLearning learning;
  private final BasisState[] states;
  private final ModelShelf shelf = new ModelShelf(new Following("models", Set.of(), KEPT_VERSIONS));
  private DenseCache exact;
  private long basisBytes;

  /**
   * What was learned.
   *
   * @param models by the ids that the window operator gives them
   * @param basisBytes of the bases' records
   */
  record Learned(Models models, long basisBytes) {}

  private CacheTraining(Decoder decoder, HeadGroup names, long tokens, int atoms) {
    shape = decoder.shape();
    records = new SessionRecords(shape, names, RotaryState.BEFORE, ElementFormat.FLOAT32);
    BasisSettings defaults = BasisSettings.defaults();
    learning =
        new BasisLearning(
            new BasisSettings(
                // one version, of all tokens alike
                new BasisSettings.Schedule(tokens, 1L << 40, 1L << 40, 8),
                defaults.referenceBits(),
                defaults.maximumBits(),
                defaults.budget(),
                new BasisSettings.HeadDictionary(atoms, 4, 1 << 16),
                defaults.maximumChannels()));
    states = new BasisState[2 * shape.layers()];
    exact = decoder.exactCache();
  }

  /**
   * Learns.
   *
   * @param names of a session; bases are shared between tenants
   * @param pieces of text, 512 tokens or fewer each
   * @param atoms of dictionaries; 0: none are learned
   */
  static Learned learn(Decoder decoder, HeadGroup names, int[][] pieces, int atoms) {
    long tokens = 0;
    for (int[] piece : pieces) {
      tokens += piece.length;
    }
    // whole blocks only enter the moments
    CacheTraining training = new CacheTraining(decoder, names, tokens / 256 * 256, atoms);
    for (int[] piece : pieces) {
      training.exact = decoder.exactCache();
      for (int token : piece) {
        decoder.step(token, training);
      }
    }
    return new Learned(training.shelf, training.basisBytes);
  }

  @Override
  public int tokens() {
    return exact.tokens();
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    exact.append(layer, keys, keysFrom, values, valuesFrom);
    sample(layer, TensorKind.KEYS, keys, keysFrom);
    sample(layer, TensorKind.VALUES, values, valuesFrom);
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    exact.attend(layer, queries, out);
  }

  private void sample(int layer, TensorKind kind, float[] vectors, int from) {
    HeadGroup group = records.group(layer);
    String id = HeadGroupKey.basis(group, kind, true);
    int slot = 2 * layer + kind.ordinal();
    if (states[slot] == null) {
      states[slot] = learning.createState(id);
    }
    KeyValueSample sample =
        new KeyValueSample(
            id,
            group.getModel(),
            group.getWeights(),
            layer,
            kind,
            group.getFirstHead(),
            group.getHeads(),
            group.getHeadDimension(),
            records.rotary(kind),
            ElementFormat.FLOAT32,
            1,
            0L,
            records
                .block(layer, kind, new SessionRecords.Span(0, 1, 0), vectors, from)
                .getElements());
    learning.accept(states[slot], sample, 0, shelf, this::take);
  }

  private void take(SpecificRecord version) {
    @SuppressWarnings("unchecked") // the framing of a record's own class
    SingleObject<SpecificRecord> framing =
        (SingleObject<SpecificRecord>) SingleObject.of(version.getClass());
    byte[] record = framing.encode(version);
    if (version instanceof BasisVersion) {
      basisBytes += record.length;
    }
    shelf.take(shelf.read(record));
  }
}
