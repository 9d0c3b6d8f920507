package io.millrace.operator;

/**
 * An operator whose states over disjoint inputs can be merged into the state over all of them:
 * merging partial states in any order of a fixed key order equals one run.
 */
public interface MergeableOperator<I, S, O> extends Operator<I, S, O> {

  /**
   * Adds {@code from} to {@code into}.
   *
   * @param into modified
   * @param from not modified
   */
  void merge(S into, S from);
}
