package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.SensorView;
import io.millrace.operator.dictionary.SparseCodeReader;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Traces of at most 12 sensors of one pipeline. A sensor keeps its place while it is heard of: a
 * newcomer gets in where there is room, or in place of one that was silent for 30 s. Thousands of
 * sensors in turn would otherwise push each other out before any had a picture. Not thread-safe.
 */
final class SensorTraces {
  static final int MAX_SENSORS = 12;
  static final int MAX_KEY_BYTES = 256;
  private static final long SILENT_MILLIS = 30_000;

  private final SparseCodeReader reader = new SparseCodeReader();
  private final Map<String, Place> places = new TreeMap<>();

  private static final class Place {
    private final SensorTrace trace;
    private long heardMillis;

    private Place(SensorTrace trace) {
      this.trace = trace;
    }
  }

  /**
   * @param sensor record key
   * @param channels of a new trace
   * @param nowMillis clock, for silence only
   * @return its trace; empty: no room
   */
  Optional<SensorTrace> of(String sensor, int channels, long nowMillis) {
    Place place = places.get(sensor);
    if (place == null) {
      if (channels < 1
          || channels > SensorTrace.MAX_CHANNELS
          || (places.size() >= MAX_SENSORS && !evictSilent(nowMillis))) {
        return Optional.empty();
      }
      place = new Place(new SensorTrace(sensor, channels));
      places.put(sensor, place);
    }
    place.heardMillis = nowMillis;
    return Optional.of(place.trace);
  }

  /** A trace only if there is one already. */
  Optional<SensorTrace> existing(String sensor) {
    return Optional.ofNullable(places.get(sensor)).map(place -> place.trace);
  }

  private boolean evictSilent(long nowMillis) {
    for (Iterator<Place> each = places.values().iterator(); each.hasNext(); ) {
      if (nowMillis - each.next().heardMillis > SILENT_MILLIS) {
        each.remove();
        return true;
      }
    }
    return false;
  }

  void restore(DictionaryShelf shelf) {
    places.values().forEach(place -> place.trace.restore(shelf, reader));
  }

  List<SensorView> view() {
    return places.values().stream().map(place -> place.trace.view()).toList();
  }
}
