package io.millrace.operator.kvcache;

/** An open page. Immutable but for scratch memory: one thread. */
public interface Page {

  PageShape shape();

  /**
   * Restores all values.
   *
   * @param values [n x h x d], overwritten
   */
  void restore(float[] values);

  /**
   * Scores of a query against the keys of one head: scores[t] = q'k_t.
   *
   * @param query [d] from {@code queryFrom}
   * @param scores [n] from {@code scoresFrom}, overwritten
   */
  void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom);

  /**
   * Adds the values of one head: out = out + sum over t of weights[t] v_t.
   *
   * @param weights [n] from {@code weightsFrom}
   * @param out [d] from {@code outFrom}, modified
   */
  void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom);
}
