package io.millrace.app.replay;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What event time a pass over a file covers: first to last, and the usual step between. */
final class PassClock {
  private static final int STEPS_LOOKED_AT = 1001;
  private static final long STEP_OF_ONE_READING = 1_000_000;

  private final Map<String, Long> lastOfKey = new HashMap<>();
  private final List<Long> steps = new ArrayList<>();
  private long first = Long.MAX_VALUE;
  private long last = Long.MIN_VALUE;

  void observe(String sensor, long micros) {
    first = Math.min(first, micros);
    last = Math.max(last, micros);
    Long before = lastOfKey.put(sensor, micros);
    if (before != null && micros > before && steps.size() < STEPS_LOOKED_AT) {
      steps.add(micros - before);
    }
  }

  /** Span plus the median step; a second where no sensor has two readings; 0 for no reading. */
  long periodMicros() {
    if (last < first) {
      return 0;
    }
    List<Long> sorted = new ArrayList<>(steps);
    Collections.sort(sorted);
    long step = sorted.isEmpty() ? STEP_OF_ONE_READING : sorted.get(sorted.size() / 2);
    return Math.addExact(last - first, step);
  }
}
