package io.millrace.app.decoder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An exact cache that keeps what passes: turned keys, values, and queries before their scaling. */
final class TensorCapture implements KeyValueCache {
  private final Decoder decoder;
  private final DenseCache exact;
  private final List<List<float[]>> keys = new ArrayList<>();
  private final List<List<float[]>> values = new ArrayList<>();
  private final List<List<float[]>> queries = new ArrayList<>();

  TensorCapture(Decoder decoder) {
    this.decoder = decoder;
    this.exact = decoder.exactCache();
    for (int i = 0; i < decoder.shape().layers(); i++) {
      keys.add(new ArrayList<>());
      values.add(new ArrayList<>());
      queries.add(new ArrayList<>());
    }
  }

  @Override
  public int tokens() {
    return exact.tokens();
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    int channels = decoder.shape().channels();
    float[] turned = new float[channels];
    System.arraycopy(keys, keysFrom, turned, 0, channels);
    decoder.rotary().turn(turned, 0, channels, this.keys.get(layer).size());
    this.keys.get(layer).add(turned);
    float[] copy = new float[channels];
    System.arraycopy(values, valuesFrom, copy, 0, channels);
    this.values.get(layer).add(copy);
    exact.append(layer, keys, keysFrom, values, valuesFrom);
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    float[] copy = Arrays.copyOf(queries, decoder.shape().dimension());
    for (int i = 0; i < copy.length; i++) {
      copy[i] *= (float) Math.sqrt(decoder.shape().headDimension());
    }
    this.queries.get(layer).add(copy);
    exact.attend(layer, queries, out);
  }

  /** [layers x tokens x c], turned. */
  float[] keys(int... layers) {
    return flat(keys, layers);
  }

  /** [layers x tokens x c]. */
  float[] values(int... layers) {
    return flat(values, layers);
  }

  /** [layers x tokens x query heads x d], turned. */
  float[] queries(int... layers) {
    return flat(queries, layers);
  }

  private static float[] flat(List<List<float[]>> all, int[] layers) {
    int width = all.get(0).get(0).length;
    int tokens = all.get(0).size();
    float[] flat = new float[layers.length * tokens * width];
    int at = 0;
    for (int layer : layers) {
      for (float[] row : all.get(layer)) {
        System.arraycopy(row, 0, flat, at, width);
        at += width;
      }
    }
    return flat;
  }
}
