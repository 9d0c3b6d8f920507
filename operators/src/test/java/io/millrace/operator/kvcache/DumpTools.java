package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;

/** What tests of page codecs do with dumps. */
final class DumpTools {
  /** A channel of this share of the keys is an outlier. */
  private static final double OUTLIER_SHARE = 0.02;

  private static final float OUTLIER_FACTOR = 10;

  private DumpTools() {}

  /** The dump, or the test is skipped. */
  static KeyValueDump dump(String model) {
    Optional<KeyValueDump> dump = KeyValueDump.of(model);
    assumeTrue(
        dump.isPresent(),
        "the dump of "
            + model
            + " is not at "
            + KeyValueDump.folder().toAbsolutePath()
            + " (-Dmillrace.shared=FOLDER)");
    return dump.get();
  }

  /**
   * The dump with 2 % of each layer's key channels, at least one, ten times as large: what large
   * models have and these have not. Pairs that turn together stay alike, so that it is an outlier
   * before the rotary step as after.
   */
  static KeyValueDump withOutliers(KeyValueDump dump) {
    int channels = dump.channels();
    float[] keys = dump.keys().clone();
    Random random = new Random(21);
    int perLayer = (int) Math.max(1, Math.round(OUTLIER_SHARE * channels / 2));
    for (int layer = 0; layer < dump.layers(); layer++) {
      for (int i = 0; i < perLayer; i++) {
        int channel = random.nextInt(channels / 2) * 2;
        for (int token = 0; token < dump.tokens(); token++) {
          int at = (layer * dump.tokens() + token) * channels + channel;
          keys[at] *= OUTLIER_FACTOR;
          keys[at + 1] *= OUTLIER_FACTOR;
        }
      }
    }
    return new KeyValueDump(
        dump.model(),
        dump.layers(),
        dump.firstToken(),
        dump.tokens(),
        dump.queryHeads(),
        dump.heads(),
        dump.headDimension(),
        keys,
        dump.values(),
        dump.queries());
  }

  /** [h x d] mean squares of one layer's queries over all tokens and the heads that share a key. */
  static float[] queryMeanSquares(KeyValueDump dump, int layer) {
    int d = dump.headDimension();
    int sharing = dump.queryHeads() / dump.heads();
    double[] sums = new double[dump.channels()];
    for (int token = 0; token < dump.tokens(); token++) {
      for (int head = 0; head < dump.queryHeads(); head++) {
        int from = ((layer * dump.tokens() + token) * dump.queryHeads() + head) * d;
        for (int c = 0; c < d; c++) {
          double q = dump.queries()[from + c];
          sums[head / sharing * d + c] += q * q;
        }
      }
    }
    float[] means = new float[sums.length];
    for (int c = 0; c < means.length; c++) {
      means[c] = (float) (sums[c] / dump.tokens() / sharing);
    }
    return means;
  }

  /** Keys of one layer as they were before the rotary step, or values, [count x h x d]. */
  static float[] beforeRotary(KeyValueDump dump, int layer, PageKind kind, int first, int count) {
    float[] tokens = dump.span(kind, layer, first, count);
    if (kind == PageKind.KEYS && dump.turns()) {
      rotary(dump).turn(shape(dump, count), tokens, dump.firstToken() + first, true);
    }
    return tokens;
  }

  static RotaryEmbedding rotary(KeyValueDump dump) {
    return new RotaryEmbedding(10_000, RotaryEmbedding.Pairing.NEIGHBOURS, dump.headDimension());
  }

  static PageShape shape(KeyValueDump dump, int tokens) {
    return new PageShape(tokens, dump.heads(), dump.headDimension());
  }

  static Page open(PageCodec codec, PageShape shape, PageKind kind, byte[] payload) {
    return codec.open(shape, kind, ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** What a page restores to. */
  static float[] through(PageCodec codec, PageShape shape, PageKind kind, float[] values) {
    float[] restored = new float[shape.values()];
    open(codec, shape, kind, codec.encode(shape, kind, values)).restore(restored);
    return restored;
  }

  /** ||exact - got|| / ||exact||. */
  static double error(float[] exact, float[] got) {
    double error = 0;
    double energy = 0;
    for (int i = 0; i < exact.length; i++) {
      error += Math.pow((double) exact[i] - got[i], 2);
      energy += (double) exact[i] * exact[i];
    }
    return Math.sqrt(error / energy);
  }

  static float[] normal(long seed, int length) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static float[] constant(float value, int length) {
    float[] values = new float[length];
    Arrays.fill(values, value);
    return values;
  }
}
