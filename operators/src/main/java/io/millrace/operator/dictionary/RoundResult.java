package io.millrace.operator.dictionary;

import java.util.OptionalDouble;

/**
 * What the end of a learning round did.
 *
 * @param windows records of the round
 * @param relativeError root of residual energy over energy across the round; 0 for a silent round
 * @param replacedAtoms atoms that became a badly explained record
 * @param frankWolfeGap (|G|_* - &lt;D,G&gt;) / |G|_*, at least 0 up to rounding and 0 at a
 *     stationary point; only from the Frank-Wolfe learner
 */
public record RoundResult(
    long windows, double relativeError, int replacedAtoms, OptionalDouble frankWolfeGap) {}
