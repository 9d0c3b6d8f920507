package io.millrace.operator.federated;

import java.util.SortedMap;

/**
 * What of a client's commit is kept.
 *
 * @param digest SHA-256 of what is signed, 32 bytes, not modified
 * @param root of the Merkle tree, 32 bytes, not modified
 * @param squaredNorm claimed
 * @param examples claimed, 1 or more
 * @param codecErrors [chunks x levels] or empty, not modified
 * @param measures for people, not modified
 */
record CommitStatement(
    byte[] digest,
    byte[] root,
    double squaredNorm,
    int examples,
    float[] codecErrors,
    SortedMap<String, Double> measures) {}
