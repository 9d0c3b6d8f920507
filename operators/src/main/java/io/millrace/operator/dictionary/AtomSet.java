package io.millrace.operator.dictionary;

/** What a coder reads of a dictionary, whole or cut to a mask. Atoms have norm 1 or 0. */
sealed interface AtomSet permits Dictionary, MaskedDictionary {
  /** k. */
  int atomCount();

  /** d, of observed components only where a mask cut the rest. */
  int dimension();

  /** [k x d] row-major; row j is valid after {@code prepare(j)}. */
  float[] atoms();

  /** [d x k] row-major. */
  float[] columns();

  /** [k x k]; row j is valid after {@code prepare(j)}. */
  float[] gram();

  /** Makes the rows of an atom valid. */
  default void prepare(int atom) {}
}
