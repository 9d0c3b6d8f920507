package io.millrace.app.decoder;

import io.millrace.kernel.Kernels;

/**
 * The forward pass of a decoder-only language model: root-mean-square norms (Zhang, Sennrich, 2019,
 * arXiv 1910.07467), rotary positions in neighbour pairs, grouped-query attention (Ainslie et al.,
 * 2023, arXiv 2305.13245), SwiGLU (Shazeer, 2020, arXiv 2002.05202), as in Llama and llama2.c. One
 * token a step, 2 flops a weight and attention over what the cache holds. The same bits on every
 * machine.
 *
 * <p>Has scratch memory: one thread.
 */
public final class Decoder {
  private static final double NORM_FLOOR = 1e-5;

  private final DecoderWeights weights;
  private final DecoderShape shape;
  private final RotaryTurn rotary;
  private final float[] stream;
  private final float[] normed;
  private final float[] projected;
  private final float[] attended;
  private final float[] added;
  private final float[] hidden;
  private final float[] logits;

  /** A decoder with those weights. */
  public Decoder(DecoderWeights weights) {
    this.weights = weights;
    this.shape = weights.shape();
    this.rotary = new RotaryTurn(shape);
    this.stream = new float[shape.dimension()];
    this.normed = new float[shape.dimension()];
    this.projected = new float[shape.dimension() + 2 * shape.channels()];
    this.attended = new float[shape.dimension()];
    this.added = new float[shape.dimension()];
    this.hidden = new float[2 * shape.hiddenDimension()];
    this.logits = new float[shape.vocabulary()];
  }

  /** Sizes. */
  public DecoderShape shape() {
    return shape;
  }

  /** The rotary step of its keys and queries. */
  public RotaryTurn rotary() {
    return rotary;
  }

  /** An empty cache that keeps everything as it is. */
  public DenseCache exactCache() {
    return new DenseCache(shape, rotary);
  }

  /**
   * Reads one token.
   *
   * @param token 0 to vocabulary - 1
   * @param cache of the tokens before, fewer than the context; this one is added
   * @return [vocabulary] logits of the next token, valid until the next step
   * @throws IllegalArgumentException for an unknown token or a full context
   */
  public float[] step(int token, KeyValueCache cache) {
    int position = cache.tokens();
    if (token < 0 || token >= shape.vocabulary() || position >= shape.context()) {
      throw new IllegalArgumentException(
          "token "
              + token
              + " at position "
              + position
              + ", the model has "
              + shape.vocabulary()
              + " tokens and a context of "
              + shape.context());
    }
    int dimension = shape.dimension();
    System.arraycopy(weights.embedding(), token * dimension, stream, 0, dimension);
    for (int i = 0; i < shape.layers(); i++) {
      attention(weights.layer(i), i, position, cache);
      feedForward(weights.layer(i));
    }
    norm(weights.finalNorm());
    Kernels.gemv(weights.classifier(), 0, normed, 0, logits, 0, dimension, shape.vocabulary());
    return logits;
  }

  private void attention(DecoderWeights.Layer layer, int index, int position, KeyValueCache cache) {
    int dimension = shape.dimension();
    norm(layer.attentionNorm());
    Kernels.gemv(layer.attention(), 0, normed, 0, projected, 0, dimension, projected.length);
    cache.append(index, projected, dimension, projected, dimension + shape.channels());
    rotary.turn(projected, 0, dimension, position);
    Kernels.scale((float) (1 / Math.sqrt(shape.headDimension())), projected, 0, dimension);
    cache.attend(index, projected, attended);
    Kernels.gemv(layer.output(), 0, attended, 0, added, 0, dimension, dimension);
    Kernels.axpy(1f, added, 0, stream, 0, dimension);
  }

  private void feedForward(DecoderWeights.Layer layer) {
    int dimension = shape.dimension();
    int width = shape.hiddenDimension();
    norm(layer.feedForwardNorm());
    Kernels.gemv(layer.gateAndUp(), 0, normed, 0, hidden, 0, dimension, 2 * width);
    for (int i = 0; i < width; i++) {
      double gate = hidden[i];
      hidden[i] = (float) (gate / (1 + Softmax.exp(-gate)) * hidden[width + i]);
    }
    Kernels.gemv(layer.down(), 0, hidden, 0, added, 0, width, dimension);
    Kernels.axpy(1f, added, 0, stream, 0, dimension);
  }

  /** normed = stream / rms(stream) x gain. */
  private void norm(float[] gains) {
    double squares = 0;
    for (float value : stream) {
      squares += (double) value * value;
    }
    float inverse = (float) (1 / Math.sqrt(squares / stream.length + NORM_FLOOR));
    for (int i = 0; i < stream.length; i++) {
      normed[i] = gains[i] * (inverse * stream[i]);
    }
  }
}
