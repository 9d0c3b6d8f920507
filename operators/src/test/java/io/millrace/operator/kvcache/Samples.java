package io.millrace.operator.kvcache;

import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Samples of tokens for tests of learning. */
final class Samples {
  static final String BASIS = "model/0123abcd/3/K/2";

  private Samples() {}

  static RotaryPosition before() {
    return new RotaryPosition(RotaryState.BEFORE, RotaryPairing.HALVES, 1e4, 4, List.of(1.0, 0.5));
  }

  static Vectors vectors(int heads, int headDimension) {
    return new Vectors(
        heads,
        headDimension,
        new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 1e4, 0, List.of()));
  }

  /** Records of 1 to 100 tokens each, cut by chance. */
  static List<KeyValueSample> cut(
      float[] tokens, int heads, int headDimension, RotaryPosition rotary, long seed) {
    Random random = new Random(seed);
    int c = heads * headDimension;
    List<KeyValueSample> samples = new ArrayList<>();
    for (int first = 0; first < tokens.length / c; ) {
      int count = Math.min(1 + random.nextInt(100), tokens.length / c - first);
      samples.add(
          sample(
              tokens, first * c, count, new Shape(heads, headDimension, rotary), samples.size()));
      first += count;
    }
    return samples;
  }

  /** What all samples of a run share. */
  record Shape(int heads, int headDimension, RotaryPosition rotary) {}

  static KeyValueSample sample(float[] tokens, int from, int count, Shape shape, long number) {
    int values = count * shape.heads() * shape.headDimension();
    ByteBuffer elements = ByteBuffer.allocate(values * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < from + values; i++) {
      elements.putFloat(tokens[i]);
    }
    return new KeyValueSample(
        BASIS,
        "model",
        "0123abcd",
        3,
        TensorKind.KEYS,
        2,
        shape.heads(),
        shape.headDimension(),
        copy(shape.rotary()),
        ElementFormat.FLOAT32,
        count,
        1_700_000_000_000_000L + number,
        elements.flip());
  }

  private static RotaryPosition copy(RotaryPosition rotary) {
    return new RotaryPosition(
        rotary.getState(),
        rotary.getPairing(),
        rotary.getBase(),
        rotary.getDimensions(),
        rotary.getFrequencyScale());
  }

  /**
   * Normal tokens: mean 1, variances 2^(-j / fall) along Hadamard's directions, in an order that a
   * topic chooses.
   *
   * @param channels a power of two
   */
  static float[] tokens(int topic, long seed, int count, int channels, double fall) {
    Random random = new Random(seed);
    float[] tokens = new float[count * channels];
    for (int t = 0; t < count; t++) {
      for (int j = 0; j < channels; j++) {
        double variance = Math.pow(2, -j / fall);
        double z = random.nextGaussian() * Math.sqrt(variance);
        int direction = j ^ topic;
        for (int i = 0; i < channels; i++) {
          boolean odd = Integer.bitCount(i & direction) % 2 == 1;
          tokens[t * channels + i] += (float) ((odd ? -z : z) / Math.sqrt(channels));
        }
      }
      for (int i = 0; i < channels; i++) {
        tokens[t * channels + i] += 1 + topic;
      }
    }
    return tokens;
  }
}
