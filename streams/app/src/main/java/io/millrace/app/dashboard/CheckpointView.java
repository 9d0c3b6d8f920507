package io.millrace.app.dashboard;

/**
 * What a pipeline would recover from.
 *
 * @param completed since the start; 0: the figures of the newest are 0, too
 * @param failed since the start
 * @param durationMillis of the newest completed one, from its trigger to its end
 * @param writtenBytes by it
 * @param stateBytes reachable from it, what earlier ones wrote included
 * @param ageMillis since it was completed
 */
public record CheckpointView(
    long completed,
    long failed,
    long durationMillis,
    long writtenBytes,
    long stateBytes,
    long ageMillis) {}
