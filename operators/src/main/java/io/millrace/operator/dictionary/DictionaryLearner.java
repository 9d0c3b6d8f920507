package io.millrace.operator.dictionary;

/**
 * Learns a dictionary from a stream of records in rounds: code records with the present version,
 * add them up, and at the end of the round make the next version from the sums.
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
   * @param initialAtoms [k x d] row-major, an atom a row; copied, scaled to unit norm
   * @throws IllegalArgumentException for another length, non-finite entries, or a shape that the
   *     learner cannot learn
   */
  LearnerState createState(float[] initialAtoms, int atoms, int dimension);

  /** Zero sums of this learner's shape, for a worker. */
  SufficientStatistics createStatistics(int atoms, int dimension);

  /**
   * Adds coded records to sums.
   *
   * @param statistics modified
   * @param dictionary the version that coded the records
   * @param records [count x d] row-major from entry {@code from} on, missing entries filled; not
   *     modified
   * @param codes of exactly these records; not modified
   * @throws IllegalArgumentException when shapes or counts differ; nothing is then changed
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

  /**
   * Fills a record's missing entries by what its code says there: x = m x + (1 - m) Dz, after which
   * it is learned from like any other. s flops twice per missing entry.
   *
   * @param record [d] from {@code from} on, modified where the mask is 0
   * @param mask [d], 1 observed, 0 missing
   * @param codes row {@code row} is the record's code over the observed entries
   */
  static void fillMissing(
      Dictionary dictionary, float[] record, int from, float[] mask, SparseCodes codes, int row) {
    int d = dictionary.dimension();
    for (int i = 0; i < d; i++) {
      if (mask[i] == 0) {
        float sum = 0;
        for (int e = codes.start(row); e < codes.start(row + 1); e++) {
          sum = Math.fma(codes.values()[e], dictionary.atoms()[codes.atoms()[e] * d + i], sum);
        }
        record[from + i] = sum;
      }
    }
  }
}
