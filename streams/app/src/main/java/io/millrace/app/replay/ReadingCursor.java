package io.millrace.app.replay;

import java.io.Closeable;
import java.util.Iterator;
import java.util.List;

/** One pass over a {@link SensorDataset}. Not safe for use by two threads. */
public interface ReadingCursor extends Iterator<KeyedReading>, Closeable {
  /** Names of the channels, in the order of a reading's values. */
  List<String> channels();

  /** Share of the pass that is done, 0 to 1; an estimate where the source is compressed. */
  double fraction();

  /**
   * Event time of the whole pass in microseconds, the last step included: what a second pass is
   * moved by so that it continues the first. Defined once {@link #hasNext} is false.
   */
  long periodMicros();

  /** Rows that could not be read so far. */
  BadRows badRows();
}
