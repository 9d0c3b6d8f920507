package io.millrace.operator.kvcache;

/**
 * Tokens that share pages, in every tier.
 *
 * @param sequence number in the chain, from 0
 * @param firstToken position of the first
 * @param tokens n
 * @param lastMicros event time at which the last came
 * @param contentHash {@link PageChain#content}; not modified
 * @param previousHash of the chain before them; not modified
 * @param chainHash of the chain with them; not modified
 */
record PageSpan(
    long sequence,
    long firstToken,
    int tokens,
    long lastMicros,
    byte[] contentHash,
    byte[] previousHash,
    byte[] chainHash) {

  /** Event time of the last token, milliseconds, rounded down. */
  long lastMillis() {
    return lastMicros / 1000;
  }
}
