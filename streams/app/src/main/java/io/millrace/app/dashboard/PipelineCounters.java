package io.millrace.app.dashboard;

import java.util.Map;
import java.util.Optional;

/** Counts that only the running engine knows. Called by the feed's thread, twice a second. */
@FunctionalInterface
public interface PipelineCounters {

  /**
   * @param pipeline name
   * @return its counts now; what is not known is 0
   */
  Counts of(String pipeline);

  /**
   * Counts of one pipeline.
   *
   * @param recordsIn taken since the start
   * @param recordsOut written since the start
   * @param lagRecords in the input topic, not taken yet
   * @param stateBytes of all keys
   * @param keys with state
   * @param restarts recoveries from a failure since the start
   * @param checkpoints empty where the engine takes none
   * @param deadLetters reason to count; empty where the engine does not count them, then the page
   *     counts what it sees on the topic
   */
  record Counts(
      long recordsIn,
      long recordsOut,
      long lagRecords,
      long stateBytes,
      long keys,
      long restarts,
      Optional<CheckpointView> checkpoints,
      Map<String, Long> deadLetters) {
    /** Nothing known. */
    public static final Counts NONE = new Counts(0, 0, 0, 0, 0, 0, Optional.empty(), Map.of());

    /** Copies the map. */
    public Counts {
      deadLetters = Map.copyOf(deadLetters);
    }
  }
}
