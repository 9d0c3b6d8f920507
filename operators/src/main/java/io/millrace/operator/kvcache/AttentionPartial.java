package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.util.Arrays;

/**
 * What some tokens add to the attention of one query: the sum of exp(score) and the sum of
 * exp(score) v, both in units of 2^exponent. Partials of any tokens merge in any order and
 * grouping, wherever their pages lie; a partial of no tokens is neutral. The attention is the
 * second sum over the first.
 *
 * <p>Source: two-pass softmax (Dukhan, Ablavatski, 2020, arXiv 2001.04438). Theirs adds single
 * numbers; this one adds pages: floats within a page, in units of its largest power, doubles over
 * pages.
 *
 * <p>As bytes, one row of little-endian float64:
 *
 * <pre>
 * exponent | sum | weighted [d]
 * </pre>
 *
 * <p>A token costs d multiply-adds for its score, d for its value and about 20 for its exponential.
 * Merging costs d + 1 additions. The same bits for the same order. One thread.
 */
public final class AttentionPartial {
  /** Largest size of a score: beyond it a query or a page is broken. */
  public static final float LARGEST_SCORE = SplitExponential.LIMIT;

  private final double[] weighted;
  private final float[] pageSum;
  private float[] weights = new float[0];
  private float[] powers = new float[0];
  private double sum;
  private int exponent;

  /**
   * A partial of no tokens.
   *
   * @param headDimension d, at least 1
   */
  public AttentionPartial(int headDimension) {
    if (headDimension < 1) {
      throw new IllegalArgumentException(
          "head dimension is " + headDimension + ", expected at least 1");
    }
    this.weighted = new double[headDimension];
    this.pageSum = new float[headDimension];
  }

  /** d. */
  public int headDimension() {
    return weighted.length;
  }

  /** Whether no weight was added. */
  public boolean isEmpty() {
    return sum == 0;
  }

  /** The power of two in which sums are; 0 when empty. */
  public int exponent() {
    return exponent;
  }

  /** Sum of exp(score), in units of 2^exponent. */
  public double sum() {
    return sum;
  }

  /** Sum of exp(score) v in one channel, in units of 2^exponent. */
  public double weighted(int channel) {
    return weighted[channel];
  }

  /**
   * Adds the tokens of a page.
   *
   * @param keys the page of keys
   * @param values the page of the same tokens' values
   * @param head within the pages
   * @param query [d] from {@code queryFrom}, multiplied by the softmax scale already; not modified
   * @throws IllegalArgumentException for pages of unlike shape, a score above {@link
   *     #LARGEST_SCORE} in size, or a sum that is not finite; the partial is then as before
   */
  public void add(Page keys, Page values, int head, float[] query, int queryFrom) {
    add(keys, values, head, query, queryFrom, keys.shape().tokens());
  }

  /**
   * Adds the first tokens of a page.
   *
   * @param tokens 1 to n
   */
  void add(Page keys, Page values, int head, float[] query, int queryFrom, int tokens) {
    PageShape shape = keys.shape();
    if (!shape.equals(values.shape()) || shape.headDimension() != weighted.length) {
      throw new IllegalArgumentException(
          "keys are " + shape + ", values " + values.shape() + ", head of " + weighted.length);
    }
    if (head < 0 || head >= shape.heads()) {
      throw new IllegalArgumentException(
          "head is " + head + ", expected 0 to " + (shape.heads() - 1));
    }
    reserve(shape.tokens());
    keys.scores(head, query, queryFrom, weights, 0);
    int unit = weigh(tokens);
    Arrays.fill(weights, tokens, shape.tokens(), 0f);
    Arrays.fill(pageSum, 0f);
    values.accumulate(head, weights, 0, pageSum, 0);
    addPage(tokens, unit);
  }

  /**
   * Adds tokens that are held exactly.
   *
   * @param scores [tokens] from {@code scoresFrom}; not modified
   * @param values one token a row of d, rows {@code valueStride} apart; not modified
   * @throws IllegalArgumentException as {@link #add(Page, Page, int, float[], int)}
   */
  public void add(
      float[] scores, int scoresFrom, int tokens, float[] values, int valuesFrom, int valueStride) {
    if (tokens == 0) {
      return;
    }
    reserve(tokens);
    System.arraycopy(scores, scoresFrom, weights, 0, tokens);
    int unit = weigh(tokens);
    Arrays.fill(pageSum, 0f);
    for (int token = 0; token < tokens; token++) {
      Kernels.axpy(
          weights[token], values, valuesFrom + token * valueStride, pageSum, 0, pageSum.length);
    }
    addPage(tokens, unit);
  }

  /**
   * Adds sums as they came over a wire or from a summary.
   *
   * @param exponent power of two in which they are, at most 2^20 in size
   * @param sum of exp(score)
   * @param weighted [d]; not modified
   * @throws IllegalArgumentException for another d, an exponent out of range, or sums that are not
   *     finite; the partial is then as before
   */
  public void add(int exponent, double sum, double[] weighted) {
    if (weighted.length != this.weighted.length) {
      throw new IllegalArgumentException(
          "partial has " + weighted.length + " channels, expected " + this.weighted.length);
    }
    if (exponent < -(1 << 20) || exponent > 1 << 20) {
      throw new IllegalArgumentException(
          "partial has exponent " + exponent + ", expected at most 2^20 in size");
    }
    boolean finite = Double.isFinite(sum);
    for (double value : weighted) {
      finite &= Double.isFinite(value);
    }
    if (!finite) {
      throw new IllegalArgumentException("partial has sums that are not finite");
    }
    if (sum == 0) {
      return;
    }
    double factor = align(exponent);
    this.sum += factor * sum;
    for (int channel = 0; channel < weighted.length; channel++) {
      this.weighted[channel] += factor * weighted[channel];
    }
  }

  /**
   * Adds the tokens of another partial of the same query.
   *
   * @param other not modified
   * @throws IllegalArgumentException for another d
   */
  public void merge(AttentionPartial other) {
    add(other.exponent, other.sum, other.weighted);
  }

  /**
   * The attention.
   *
   * @param out [d] from {@code outFrom}, overwritten
   * @throws IllegalStateException when empty
   */
  public void finish(float[] out, int outFrom) {
    if (isEmpty()) {
      throw new IllegalStateException("attention over no tokens");
    }
    for (int channel = 0; channel < weighted.length; channel++) {
      out[outFrom + channel] = (float) (weighted[channel] / sum);
    }
  }

  /** Forgets all tokens. */
  public void clear() {
    Arrays.fill(weighted, 0);
    sum = 0;
    exponent = 0;
  }

  private void reserve(int tokens) {
    if (weights.length < tokens) {
      weights = new float[tokens];
      powers = new float[tokens];
    }
  }

  /** Turns scores into weights in units of a power of two, which is returned. */
  private int weigh(int tokens) {
    for (int token = 0; token < tokens; token++) {
      if (!(Math.abs(weights[token]) <= LARGEST_SCORE)) {
        throw new IllegalArgumentException(
            "score of token "
                + token
                + " is "
                + weights[token]
                + ", expected at most "
                + LARGEST_SCORE
                + " in size");
      }
    }
    int unit = SplitExponential.split(weights, 0, tokens, weights, powers);
    SplitExponential.join(weights, powers, tokens, unit);
    return unit;
  }

  private void addPage(int tokens, int unit) {
    for (float value : pageSum) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("sum of values is " + value + ", expected finite");
      }
    }
    double pageWeight = 0;
    for (int token = 0; token < tokens; token++) {
      pageWeight += weights[token];
    }
    double factor = align(unit);
    sum += factor * pageWeight;
    for (int channel = 0; channel < pageSum.length; channel++) {
      weighted[channel] += factor * pageSum[channel];
    }
  }

  /** Goes over to the larger unit; returns the factor for sums in the given one. */
  private double align(int unit) {
    if (isEmpty()) {
      clear();
      exponent = unit;
      return 1;
    }
    if (unit <= exponent) {
      return Math.scalb(1.0, unit - exponent);
    }
    double factor = Math.scalb(1.0, exponent - unit);
    sum *= factor;
    for (int channel = 0; channel < weighted.length; channel++) {
      weighted[channel] *= factor;
    }
    exponent = unit;
    return 1;
  }
}
