package io.millrace.operator.dictionary;

import java.util.Arrays;

/**
 * State of one sensor: its window, its residual history, the windows of the present batch, and
 * either its own learner (a dictionary per sensor) or partial sums for a shared dictionary.
 *
 * <p>Heap: that of {@link SlidingWindow}, 8 x history, batch x (4 d + 8 s), and {@link
 * LearnerState} or {@link SufficientStatistics}. One thread.
 */
public final class SensorState {
  final String key;
  final SlidingWindow window;
  final ResidualQuantile residuals;
  final PageHinkley.Settings driftSettings;
  final PageHinkley drift;

  /** Windows that are folded into the statistics together. */
  final int batchWindows;

  /**
   * [batch x d] normalised, missing entries filled: windows coded but not yet in the statistics.
   * Grows as the batch fills, so that a decoded state takes no more than its bytes justify.
   */
  float[] batchRecords = new float[0];

  final SparseCodes batchCodes = new SparseCodes();

  /** Null when the dictionary is shared. */
  final LearnerState learnerOrNull;

  /** Null when the dictionary is the sensor's own. */
  final SufficientStatistics partialOrNull;

  /** Event time of the newest reading; -1 before the first. */
  long newestMicros = -1;

  /** Windows folded into the statistics since the round began. */
  long roundWindows;

  /** Windows learned since the start or the last drift alarm: drives the length of rounds. */
  long scheduleWindows;

  /** Version that codes windows. */
  long version;

  /** Whether version 0 has been published; true when the dictionary is shared. */
  boolean initialPublished;

  /** Contributions sent to the merge stage. */
  long contributions;

  long revision;
  long partialRevision;

  /** The shared dictionary of {@link #version}; found again after a restore. */
  Dictionary sharedOrNull;

  SensorState(
      String key,
      SlidingWindow window,
      ResidualQuantile residuals,
      PageHinkley.Settings driftSettings,
      int batchWindows,
      LearnerState learnerOrNull,
      SufficientStatistics partialOrNull) {
    this.key = key;
    this.window = window;
    this.residuals = residuals;
    this.driftSettings = driftSettings;
    this.drift = new PageHinkley(driftSettings);
    this.batchWindows = batchWindows;
    this.learnerOrNull = learnerOrNull;
    this.partialOrNull = partialOrNull;
    this.initialPublished = learnerOrNull == null;
  }

  int dimension() {
    return window.channels() * window.length();
  }

  /**
   * Copies a window to the end of the batch; its code is to be appended to {@link #batchCodes}.
   *
   * @param record [d], not modified
   * @return where it starts in {@link #batchRecords}
   */
  int addToBatch(float[] record) {
    int count = batchCodes.count();
    if ((count + 1) * record.length > batchRecords.length) {
      int capacity = Math.min(batchWindows, Math.max(4, 2 * count));
      batchRecords = Arrays.copyOf(batchRecords, capacity * record.length);
    }
    System.arraycopy(record, 0, batchRecords, count * record.length, record.length);
    return count * record.length;
  }

  int atoms() {
    return statistics().atoms();
  }

  SufficientStatistics statistics() {
    return learnerOrNull != null ? learnerOrNull.statistics() : partialOrNull;
  }

  // What a person or a command may ask of a state.

  /** Version of the dictionary that codes this sensor's windows. */
  public long dictionaryVersion() {
    return version;
  }

  /** Event time of the newest reading, microseconds; -1 before the first. */
  public long newestReadingMicros() {
    return newestMicros;
  }

  /** Windows learned from since the start or the last drift alarm. */
  public long windowsLearned() {
    return scheduleWindows;
  }

  /** Readings since the last window. */
  public int readingsSinceLastWindow() {
    return window.uncovered();
  }
}
