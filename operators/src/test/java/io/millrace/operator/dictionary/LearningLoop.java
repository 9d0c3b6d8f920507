package io.millrace.operator.dictionary;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What an operator does with a learner: code with the present version, accumulate, end the round.
 */
final class LearningLoop {
  private final DictionaryLearner learner;
  private final SparseCoder coder;
  final SparseCodes codes = new SparseCodes();

  LearningLoop(DictionaryLearner learner, SparseCoder coder) {
    this.learner = learner;
    this.coder = coder;
  }

  void accumulate(LearnerState state, float[] records) {
    int count = records.length / state.dictionary().dimension();
    codes.clear();
    coder.code(state.dictionary(), records, 0, count, codes);
    learner.accumulate(state, records, 0, count, codes);
  }

  RoundResult round(LearnerState state, float[] records) {
    accumulate(state, records);
    return learner.endRound(state);
  }

  /** Root of the energy left over energy. */
  double relativeError(Dictionary dictionary, float[] records) {
    codes.clear();
    coder.code(dictionary, records, 0, records.length / dictionary.dimension(), codes);
    double energy = 0;
    double residual = 0;
    for (int r = 0; r < codes.count(); r++) {
      energy += codes.energy(r);
      residual += codes.residualEnergy(r);
    }
    return Math.sqrt(residual / energy);
  }

  /** Rows scaled to unit norm. */
  static float[] unit(float[] rows, int d) {
    return Dictionary.normalized(rows, rows.length / d, d).atoms();
  }

  /** Statistics and dictionary bytes, one behind the other. */
  static byte[] bytes(LearnerState state) {
    ByteBuffer buffer =
        ByteBuffer.allocate(state.statisticsBytes() + state.dictionaryBytes())
            .order(ByteOrder.LITTLE_ENDIAN);
    state.encodeStatistics(buffer);
    state.encodeDictionary(buffer);
    if (buffer.hasRemaining()) {
      throw new AssertionError(buffer.remaining() + " bytes fewer than announced");
    }
    return buffer.array();
  }

  /** A state through its bytes and back. */
  static LearnerState copy(LearnerState state) {
    ByteBuffer statistics = ByteBuffer.wrap(bytes(state)).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer dictionary = statistics.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    dictionary.position(state.statisticsBytes());
    statistics.limit(state.statisticsBytes());
    return LearnerState.decode(statistics, dictionary);
  }
}
