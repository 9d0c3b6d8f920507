package io.millrace.operator.dictionary;

/**
 * Finds few atoms that explain a record. A coder holds settings and scratch memory, never state: a
 * record's code is a function of settings, dictionary and record alone, the same bits whether it is
 * coded alone or in a batch. One thread at a time. Steady coding allocates nothing.
 *
 * <p>Records must be finite and their squared norm must be finite in float. A record of zeros has
 * the empty code.
 */
public interface SparseCoder {
  /**
   * Codes records and appends one code per record to {@code out}.
   *
   * @param records [count x d] row-major from {@code from} on, not modified
   * @param out appended to; clear it first to replace
   * @throws IndexOutOfBoundsException if the records do not fit the array
   */
  void code(Dictionary dictionary, float[] records, int from, int count, SparseCodes out);

  /**
   * Codes the observed components of one record and appends its code to {@code out}: the atoms are
   * cut to the mask and brought back to unit norm, the coefficients refer to the whole atoms.
   *
   * @param record [d] from {@code from} on, not modified; components that are not observed may hold
   *     anything
   * @param mask [d], 1 observed, 0 missing
   * @param out appended to; clear it first to replace
   */
  void codeMasked(Dictionary dictionary, float[] record, int from, float[] mask, SparseCodes out);
}
