package io.millrace.operator.federated;

/** A client's gradient, exact or of a batch. */
@FunctionalInterface
public interface Gradient {
  /**
   * Evaluates.
   *
   * @param x not modified
   * @param out [x.length], overwritten
   */
  void at(double[] x, double[] out);
}
