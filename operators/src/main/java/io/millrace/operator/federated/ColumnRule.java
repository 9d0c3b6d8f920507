package io.millrace.operator.federated;

/**
 * A robust rule that looks at one coordinate of all clients at a time: it needs all clients of a
 * chunk and nothing of any other chunk. Updates pass {@link NormGate} first. One thread.
 */
interface ColumnRule {
  /**
   * Combines the clients' chunks.
   *
   * @param rows one array a client, as many as the rule was made for, each read from {@code from}
   *     on, not modified
   * @param out overwritten from {@code outFrom} on
   */
  void combine(float[][] rows, int from, int length, double[] out, int outFrom);
}
