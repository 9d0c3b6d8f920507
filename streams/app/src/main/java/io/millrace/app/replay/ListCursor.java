package io.millrace.app.replay;

import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.IntFunction;

/** A pass over readings that are made by index. */
final class ListCursor implements ReadingCursor {
  private final List<String> channels;
  private final int size;
  private final long periodMicros;
  private final IntFunction<KeyedReading> reading;
  private int next;

  ListCursor(
      List<String> channels, int size, long periodMicros, IntFunction<KeyedReading> reading) {
    this.channels = channels;
    this.size = size;
    this.periodMicros = periodMicros;
    this.reading = reading;
  }

  @Override
  public List<String> channels() {
    return channels;
  }

  @Override
  public boolean hasNext() {
    return next < size;
  }

  @Override
  public KeyedReading next() {
    if (!hasNext()) {
      throw new NoSuchElementException("all " + size + " readings were read");
    }
    return reading.apply(next++);
  }

  @Override
  public double fraction() {
    return (double) next / size;
  }

  @Override
  public long periodMicros() {
    return periodMicros;
  }

  @Override
  public BadRows badRows() {
    return BadRows.NONE;
  }

  @Override
  public void close() {}
}
