package io.millrace.app.replay;

/**
 * When each reading is due.
 *
 * <p>A deadline is computed from the start, never from the reading before, so a late wake-up is
 * caught up and the mean rate does not drift.
 */
final class Pace {
  private static final double NANOS_PER_SECOND = 1e9;

  private final double recordsPerSecond;
  private final double speedup;
  private long firstMicros;
  private boolean started;

  Pace(ReplaySettings settings) {
    this.recordsPerSecond = settings.recordsPerSecond();
    this.speedup = settings.speedup();
  }

  /**
   * Nanoseconds after the start at which a reading is due; 0 where the pace is free.
   *
   * @param index of the reading in the replay, from 0
   * @param micros its event time
   */
  long dueNanos(long index, long micros) {
    if (recordsPerSecond > 0) {
      return (long) (index * NANOS_PER_SECOND / recordsPerSecond);
    }
    if (speedup > 0) {
      if (!started) {
        started = true;
        firstMicros = micros;
      }
      return (long) ((micros - firstMicros) * 1000.0 / speedup);
    }
    return 0;
  }
}
