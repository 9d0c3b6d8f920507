package io.millrace.operator.federated;

/** Whole updates in memory into one. One thread. */
public interface Aggregation {
  /**
   * Combines updates.
   *
   * @param updates one array a client, as many as it was made for, each as long as {@code out}, not
   *     modified
   * @param out overwritten
   * @throws IllegalArgumentException for values it refuses
   */
  void combine(float[][] updates, double[] out);
}
