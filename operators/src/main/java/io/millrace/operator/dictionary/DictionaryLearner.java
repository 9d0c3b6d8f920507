package io.millrace.operator.dictionary;

/**
 * Learns a dictionary from a stream of records in rounds: code records with the present version, add
 * them up, and at the end of the round make the next version from the sums.
 *
 * <p>A learner holds settings and scratch memory, nothing that belongs to a key; one thread. Where
 * several workers learn one dictionary, each {@link #accumulate}s into its own sums with the
 * published version and a merge stage {@link SufficientStatistics#add}s those into its state before
 * {@link #endRound}. About 40 rounds matter more than their length: short ones first.
 */
public sealed interface DictionaryLearner
    permits OnlineDictionaryLearning, FrankWolfeDictionaryLearning {

  /** Name in the catalogue. */
  String name();

  /**
   * A state that has seen nothing.
   *
   * @param initialAtoms [k x d] row-major, rows not zero; copied, scaled to unit norm
   * @throws IllegalArgumentException for another length, non-finite or zero rows, or a shape that
   *     the learner cannot learn
   */
  LearnerState createState(float[] initialAtoms, int atoms, int dimension);

  /** Zero sums of this learner's shape, for a worker. */
  SufficientStatistics createStatistics(int atoms, int dimension);

  /**
   * Adds coded records to sums.
   *
   * @param statistics modified
   * @param dictionary the version that coded the records
   * @param records [.. x d] row-major, missing entries filled; not modified
   * @param from first record
   * @param count records
   * @param codes record {@code from + i} is coded by row i; not modified
   */
  void accumulate(
      SufficientStatistics statistics,
      Dictionary dictionary,
      float[] records,
      int from,
      int count,
      SparseCodes codes);

  /** Adds records coded with the state's own dictionary. */
  default void accumulate(
      LearnerState state, float[] records, int from, int count, SparseCodes codes) {
    accumulate(state.statistics(), state.dictionary(), records, from, count, codes);
    state.statisticsChanged();
  }

  /**
   * Makes the next version from the sums and starts the next round. A round without records changes
   * nothing but the count of rounds.
   */
  RoundResult endRound(LearnerState state);

  /** After a drift alarm: gives what was learned so far little weight against what comes. */
  void forget(LearnerState state);
}
