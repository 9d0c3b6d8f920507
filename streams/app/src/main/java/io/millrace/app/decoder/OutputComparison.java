package io.millrace.app.decoder;

/** Reads exactly, and holds attention over pages against that. One thread. */
final class OutputComparison implements KeyValueCache {
  private final Decoder decoder;
  private final float[] other;
  private DenseCache exact;
  private PagedCache paged;
  private double error;
  private double energy;

  OutputComparison(Decoder decoder) {
    this.decoder = decoder;
    this.other = new float[decoder.shape().dimension()];
  }

  /** Begins a text. */
  void begin(PagedCache cache) {
    exact = decoder.exactCache();
    paged = cache;
  }

  /** ||O - O^|| / ||O|| over queries that saw a compressed token, so far. */
  double error() {
    return Math.sqrt(error / energy);
  }

  @Override
  public int tokens() {
    return exact.tokens();
  }

  @Override
  public void append(int layer, float[] keys, int keysFrom, float[] values, int valuesFrom) {
    exact.append(layer, keys, keysFrom, values, valuesFrom);
    paged.append(layer, keys, keysFrom, values, valuesFrom);
  }

  @Override
  public void attend(int layer, float[] queries, float[] out) {
    exact.attend(layer, queries, out);
    paged.attend(layer, queries, other);
    if (!paged.isPaged(layer)) {
      return;
    }
    for (int i = 0; i < out.length; i++) {
      error += ((double) out[i] - other[i]) * ((double) out[i] - other[i]);
      energy += (double) out[i] * out[i];
    }
  }
}
