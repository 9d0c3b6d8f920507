package io.millrace.operator.kvcache;

import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.Cosines;
import io.millrace.operator.dictionary.DictionaryPublication;
import io.millrace.operator.dictionary.OnlineDictionaryLearning;
import io.millrace.operator.dictionary.RoundResult;
import io.millrace.operator.dictionary.SparseCodes;
import io.millrace.operator.kvcache.BasisSettings.HeadDictionary;
import io.millrace.schema.DictionaryVersion;
import java.util.function.Consumer;

/**
 * Learns the dictionary of a layer's heads, for dictionary pages (Lexico, Kim et al., 2024, arXiv
 * 2412.08890), from the same tokens as its basis: {@link OnlineDictionaryLearning} on the heads'
 * vectors, instead of gradient steps over a data set. Of each block only so many vectors are taken,
 * evenly spread, which bounds the cost: N d + N s (s + 1) / 2 + 2 s (s + d) multiply-adds a vector,
 * and N^2 d a round. Rounds begin at 8 N vectors and grow with what was learned.
 *
 * <p>Holds settings and scratch memory; one thread.
 */
final class HeadDictionaryLearning {
  private static final int FIRST_ROUND = 8;
  private static final int ROUND_SHARE = 8;

  private final HeadDictionary settings;
  private final OnlineDictionaryLearning learner =
      new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
  private final BatchOrthogonalMatchingPursuit coder;
  private final SparseCodes codes = new SparseCodes();
  private float[] batch = new float[0];

  HeadDictionaryLearning(HeadDictionary settings) {
    this.settings = settings;
    this.coder =
        new BatchOrthogonalMatchingPursuit(
            BatchOrthogonalMatchingPursuit.Settings.atoms(settings.coefficients()));
  }

  /** Id of the dictionary that belongs to a basis. */
  static String id(String basis) {
    return basis + "/dictionary";
  }

  /**
   * Learns from the block that waits in a state.
   *
   * @param state its block is full; its dictionary is modified
   */
  void learn(BasisState state, Consumer<? super DictionaryVersion> out) {
    if (settings.atoms() == 0) {
      return;
    }
    int d = state.vectorsOrNull.headDimension();
    int vectors = state.waiting.length / d;
    if (state.dictionaryOrNull == null) {
      state.dictionaryOrNull =
          learner.createState(initial(state.waiting, vectors, d), settings.atoms(), d);
    }
    int taken = Math.min(vectors, settings.vectors());
    spread(state.waiting, vectors, d, taken);
    codes.clear();
    coder.code(state.dictionaryOrNull.dictionary(), batch, 0, taken, codes);
    learner.accumulate(state.dictionaryOrNull, batch, 0, taken, codes);
    long round =
        Math.max(
            (long) FIRST_ROUND * settings.atoms(), state.dictionaryOrNull.windows() / ROUND_SHARE);
    if (state.dictionaryOrNull.statistics().windows() >= round) {
      RoundResult result = learner.endRound(state.dictionaryOrNull);
      state.dictionaryVersion++;
      DictionaryPublication.emit(
          new DictionaryPublication.Round(
              id(state.key),
              state.dictionaryVersion,
              OnlineDictionaryLearning.NAME,
              d,
              state.newestMicros,
              result),
          state.dictionaryOrNull,
          out);
    }
  }

  /** Vectors of the block; cosines where it has too few. */
  private float[] initial(float[] block, int vectors, int d) {
    float[] atoms = Cosines.atoms(settings.atoms(), 1, d);
    int taken = Math.min(vectors, settings.atoms());
    spread(block, vectors, d, taken);
    System.arraycopy(batch, 0, atoms, 0, taken * d);
    return atoms;
  }

  /** Copies {@code taken} of the block's vectors to the batch. */
  private void spread(float[] block, int vectors, int d, int taken) {
    if (batch.length < taken * d) {
      batch = new float[taken * d];
    }
    for (int i = 0; i < taken; i++) {
      int from = (int) ((long) i * vectors / taken) * d;
      System.arraycopy(block, from, batch, i * d, d);
    }
  }
}
