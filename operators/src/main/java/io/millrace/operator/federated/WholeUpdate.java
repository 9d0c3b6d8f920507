package io.millrace.operator.federated;

/**
 * An update that is whole and checked, and waits for a version.
 *
 * @param newestVersion when its task was given
 * @param correction of its weight for the arrivals of its client, 1: none
 * @param squaredNorm summed over chunks
 * @param largest absolute value
 * @param bytes of its payloads
 */
record WholeUpdate(
    String client,
    long sequence,
    long baseVersion,
    long newestVersion,
    double correction,
    double squaredNorm,
    float largest,
    long bytes,
    CommitStatement statement) {}
