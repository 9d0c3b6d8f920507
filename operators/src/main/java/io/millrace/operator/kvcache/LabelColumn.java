package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Labels beside a page of keys, Double Sparsity (Yang, Sheng, Gonzalez, Stoica, Zheng, 2024, arXiv
 * 2408.07092): of each head the few channels that scores depend on most, in 4 bits, so that a
 * reader finds the tokens and pages worth reading from a fraction of their bytes. Channel j of a
 * head counts by mean(q_j^2) mean(k_j^2) where queries are known, else by mean(k_j^2), over the
 * page's own tokens: the original orders channels offline by the mean of |q_j k_j|. Steps belong to
 * a label over the page's tokens, because key channels are of unlike size; the original has one for
 * each token, which costs more and finds fewer. Keys are as attention reads them, after the rotary
 * step.
 *
 * <p>On the three small models of the tests a sixteenth of the channels finds a quarter of the
 * largest scores, half of them finds 0.96 when four times as many tokens are read.
 *
 * <pre>
 * offset  size          field (little-endian)
 *      0  2             labels of a head, r, 1 to d
 *      2  2 x h r       channel of the head, rising
 *         2 x h r       step of each label, half precision
 *         2 x h r       minimum of each label, half precision
 *         ceil(n h r / 2)  codes, token by token: label = minimum + step x code
 * </pre>
 *
 * <p>Bits (4 + 48 / n) r / d a key value. r multiply-adds a token. Immutable.
 */
public final class LabelColumn {
  private static final int BITS = 4;
  private static final int LEVELS = (1 << BITS) - 1;

  private final PageShape shape;
  private final int perHead;
  private final int[] channels;

  /** [n x h x r]. */
  private final float[] labels;

  private LabelColumn(PageShape shape, int perHead, int[] channels, float[] labels) {
    this.shape = shape;
    this.perHead = perHead;
    this.channels = channels;
    this.labels = labels;
  }

  /**
   * The column of a page.
   *
   * @param keys [n x h x d] after the rotary step, finite; not modified
   * @param queryMeanSquares [h x d]; empty: not known
   * @param perHead labels of a head, r, 1 to d
   * @throws IllegalArgumentException for query moments of another length, or another number
   */
  public static byte[] encode(
      PageShape shape, float[] keys, float[] queryMeanSquares, int perHead) {
    requireLabels(shape, perHead);
    if (queryMeanSquares.length != 0 && queryMeanSquares.length != shape.channels()) {
      throw new IllegalArgumentException(
          "queries have "
              + queryMeanSquares.length
              + " mean squares, the page's keys "
              + shape.channels()
              + " channels");
    }
    double[] scores = new double[shape.channels()];
    for (int i = 0; i < shape.values(); i++) {
      scores[i % scores.length] += (double) keys[i] * keys[i];
    }
    for (int i = 0; i < queryMeanSquares.length; i++) {
      scores[i] *= queryMeanSquares[i];
    }
    int d = shape.headDimension();
    int[] chosen = ChannelOrder.largestOfEachHead(scores, d, perHead);
    float[] minima = new float[chosen.length];
    float[] steps = new float[chosen.length];
    int[] codes = new int[shape.tokens() * chosen.length];
    for (int i = 0; i < chosen.length; i++) {
      float minimum = Float.POSITIVE_INFINITY;
      float maximum = Float.NEGATIVE_INFINITY;
      for (int at = chosen[i]; at < shape.values(); at += shape.channels()) {
        minimum = Math.min(minimum, keys[at]);
        maximum = Math.max(maximum, keys[at]);
      }
      minima[i] = half(minimum);
      steps[i] = half((maximum - minimum) / LEVELS);
      for (int token = 0; token < shape.tokens(); token++) {
        float above = keys[token * shape.channels() + chosen[i]] - minima[i];
        int code = steps[i] > 0 ? Math.round(above / steps[i]) : 0;
        codes[token * chosen.length + i] = Math.max(0, Math.min(LEVELS, code));
      }
    }
    ByteBuffer out =
        ByteBuffer.allocate(bytes(shape, perHead))
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort((short) perHead);
    for (int channel : chosen) {
      out.putShort((short) (channel % d));
    }
    Float16.put(out, steps, steps.length);
    Float16.put(out, minima, minima.length);
    PackedIntegers.put(out, codes, codes.length, BITS);
    return out.array();
  }

  /**
   * Reads a column.
   *
   * @param column little-endian, for example {@link PageFrame#labels}
   * @throws IllegalArgumentException for a wrong size or content
   */
  public static LabelColumn open(PageShape shape, ByteBuffer column) {
    ByteBuffer in = column.slice().order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < Short.BYTES) {
      throw new IllegalArgumentException("label column has " + in.remaining() + " bytes");
    }
    int perHead = Short.toUnsignedInt(in.getShort(0));
    requireLabels(shape, perHead);
    if (in.remaining() != bytes(shape, perHead)) {
      throw new IllegalArgumentException(
          "label column has " + in.remaining() + " bytes, expected " + bytes(shape, perHead));
    }
    in.position(Short.BYTES);
    int[] channels = new int[shape.heads() * perHead];
    for (int i = 0; i < channels.length; i++) {
      channels[i] = Short.toUnsignedInt(in.getShort());
      if (channels[i] >= shape.headDimension()
          || i % perHead > 0 && channels[i] <= channels[i - 1]) {
        throw new IllegalArgumentException(
            "label " + i + " is of channel " + channels[i] + ", expected rising channels");
      }
    }
    float[] steps = new float[channels.length];
    float[] minima = new float[channels.length];
    Float16.get(in, steps, steps.length);
    Float16.get(in, minima, minima.length);
    int[] codes = new int[shape.tokens() * channels.length];
    PackedIntegers.get(in, codes, codes.length, BITS);
    float[] labels = new float[codes.length];
    for (int i = 0; i < labels.length; i++) {
      int label = i % channels.length;
      labels[i] = Math.fma(codes[i], steps[label], minima[label]);
    }
    return new LabelColumn(shape, perHead, channels, labels);
  }

  /** Memory of an opened column. */
  long memoryBytes() {
    return (long) Float.BYTES * labels.length;
  }

  /** Bytes of a column. */
  public static int bytes(PageShape shape, int perHead) {
    int labels = shape.heads() * perHead;
    return Short.BYTES * (1 + 3 * labels) + PackedIntegers.bytes(shape.tokens() * labels, BITS);
  }

  /**
   * Approximate scores: scores[t] = sum over the labels of q_j label_tj.
   *
   * @param query [d] from {@code queryFrom}
   * @param scores [n] from {@code scoresFrom}, overwritten
   */
  public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    for (int token = 0; token < shape.tokens(); token++) {
      int from = (token * shape.heads() + head) * perHead;
      float sum = 0f;
      for (int i = 0; i < perHead; i++) {
        sum = Math.fma(query[queryFrom + channels[head * perHead + i]], labels[from + i], sum);
      }
      scores[scoresFrom + token] = sum;
    }
  }

  /**
   * The page's largest approximate score: pages are worth reading in its falling order.
   *
   * @param scores [n], overwritten
   */
  public float largestScore(int head, float[] query, int queryFrom, float[] scores) {
    scores(head, query, queryFrom, scores, 0);
    float largest = Float.NEGATIVE_INFINITY;
    for (int token = 0; token < shape.tokens(); token++) {
      largest = Math.max(largest, scores[token]);
    }
    return largest;
  }

  private static void requireLabels(PageShape shape, int perHead) {
    if (perHead < 1 || perHead > shape.headDimension()) {
      throw new IllegalArgumentException(
          "head has "
              + perHead
              + " labels, expected 1 to "
              + shape.headDimension()
              + ", its channels");
    }
  }

  private static float half(float value) {
    return Float16.decode(Float16.encode(value));
  }
}
