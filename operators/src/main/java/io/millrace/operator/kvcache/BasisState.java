package io.millrace.operator.kvcache;

import io.millrace.operator.dictionary.LearnerState;
import io.millrace.operator.kvcache.TransformBasis.Vectors;

/**
 * What {@link BasisLearning} keeps for one basis. Tokens wait in blocks, so that the moments, which
 * are large, change once a block.
 *
 * <p>Memory: 4 c^2 for the moments, 4 x {@value #BLOCK} c for waiting tokens, 4 c (r + 2) for the
 * published basis, 4 N (N + 4 d) where a dictionary of N atoms is learned. One thread.
 */
public final class BasisState {
  /** Tokens of a block. */
  static final int BLOCK = 256;

  final String key;
  Vectors vectorsOrNull;

  /** Published, 0: none. */
  long version;

  long budgetVersion;
  long dictionaryVersion;

  /** Tokens in the moments, not decayed. */
  long tokens;

  /** {@link #tokens} when the gain was measured last, or a version published. */
  long measuredTokens;

  long newestMicros;
  int waitingTokens;

  /** [BLOCK x c], the first {@link #waitingTokens} rows filled. */
  float[] waiting = new float[0];

  SecondMoments momentsOrNull;
  TransformBasis publishedOrNull;
  LearnerState dictionaryOrNull;
  long revision;
  long momentsRevision;
  long publishedRevision;

  BasisState(String key) {
    this.key = key;
  }

  /** Begins with vectors of a kind. */
  void begin(Vectors vectors) {
    vectorsOrNull = vectors;
    waiting = new float[BLOCK * vectors.channels()];
    momentsOrNull = new SecondMoments(vectors.channels());
    momentsRevision++;
  }

  /** The newest published version; 0: none yet. */
  public long basisVersion() {
    return version;
  }

  /** Tokens learned from. */
  public long tokensLearned() {
    return tokens;
  }
}
