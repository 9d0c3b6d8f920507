package io.millrace.app.decoder;

/**
 * Reads one cache and holds another against it, head by head. Not for two threads at once; the
 * errors may be asked for by any.
 */
public final class HeadErrors implements KeyValueCache {
  private final DecoderShape shape;
  private final float[] others;

  /** By layer and query head. */
  private final double[][] errors;

  private final double[][] energies;
  private KeyValueCache read;
  private KeyValueCache held;

  /** Nothing compared yet. */
  public HeadErrors(DecoderShape shape) {
    this.shape = shape;
    this.others = new float[shape.dimension()];
    this.errors = new double[shape.layers()][shape.queryHeads()];
    this.energies = new double[shape.layers()][shape.queryHeads()];
  }

  /**
   * Compares two caches of the same tokens from now on.
   *
   * @param exact whose attention is passed on
   * @param other held against it
   */
  public void compare(KeyValueCache exact, KeyValueCache other) {
    read = exact;
    held = other;
  }

  /** ||O - O^|| / ||O|| of attention outputs so far, [layers][query heads]; 0 before the first. */
  public synchronized float[][] errors() {
    float[][] ratios = new float[shape.layers()][shape.queryHeads()];
    for (int layer = 0; layer < ratios.length; layer++) {
      for (int head = 0; head < shape.queryHeads(); head++) {
        double energy = energies[layer][head];
        ratios[layer][head] = energy == 0 ? 0 : (float) Math.sqrt(errors[layer][head] / energy);
      }
    }
    return ratios;
  }

  @Override
  public int tokens() {
    return read.tokens();
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    read.append(layer, keys, keysFrom, values, valuesFrom);
    held.append(layer, keys, keysFrom, values, valuesFrom);
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    read.attend(layer, queries, out);
    held.attend(layer, queries, others);
    add(layer, out);
  }

  private synchronized void add(int layer, float[] out) {
    int d = shape.headDimension();
    for (int i = 0; i < out.length; i++) {
      errors[layer][i / d] += ((double) out[i] - others[i]) * ((double) out[i] - others[i]);
      energies[layer][i / d] += (double) out[i] * out[i];
    }
  }
}
