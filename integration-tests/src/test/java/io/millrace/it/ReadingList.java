package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.BadRows;
import io.millrace.app.replay.KeyedReading;
import io.millrace.app.replay.ReadingCursor;
import io.millrace.app.replay.ReadingReplayer;
import io.millrace.app.replay.ReplaySettings;
import io.millrace.app.replay.SensorDataset;
import io.millrace.schema.SensorReading;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Readings in memory, to be replayed whole or in parts.
 *
 * @param name of the part
 * @param readings in the order in which they are sent
 */
record ReadingList(String name, List<KeyedReading> readings) implements SensorDataset {

  /** Passes over a set, each continuing the event time of the one before. */
  static ReadingList of(SensorDataset dataset, int passes) {
    List<KeyedReading> readings = new ArrayList<>();
    long shift = 0;
    for (int pass = 0; pass < passes; pass++) {
      try (ReadingCursor cursor = dataset.open()) {
        while (cursor.hasNext()) {
          KeyedReading next = cursor.next();
          SensorReading moved = SensorReading.newBuilder(next.reading()).build();
          moved.setTimeMicros(next.reading().getTimeMicros() + shift);
          readings.add(new KeyedReading(next.sensor(), moved));
        }
        shift += cursor.periodMicros();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return new ReadingList(dataset.name(), readings);
  }

  /** Part {@code index} of {@code parts} nearly equal ones. */
  ReadingList part(int index, int parts) {
    int from = (int) ((long) readings.size() * index / parts);
    int to = (int) ((long) readings.size() * (index + 1) / parts);
    return new ReadingList(name + "-" + index, readings.subList(from, to));
  }

  /** All but the first {@code count}. */
  ReadingList from(long count) {
    return new ReadingList(name + "-rest", readings.subList((int) count, readings.size()));
  }

  /** Event times by sensor, in order. */
  Map<String, List<Long>> microsBySensor() {
    Map<String, List<Long>> micros = new TreeMap<>();
    for (KeyedReading reading : readings) {
      micros
          .computeIfAbsent(reading.sensor(), sensor -> new ArrayList<>())
          .add(reading.reading().getTimeMicros());
    }
    return micros;
  }

  /**
   * Sends them when started.
   *
   * @param perSecond pace; 0: as fast as the broker takes them
   */
  ReadingReplayer replayer(String topic, double perSecond, Cluster cluster) {
    return new ReadingReplayer(
        this, new ReplaySettings(topic, perSecond, 0, 1, 0), cluster.client());
  }

  /** Sends them as fast as the broker takes them. */
  void send(String topic, Cluster cluster) throws InterruptedException {
    try (ReadingReplayer replayer = replayer(topic, 0, cluster)) {
      replayer.start();
      awaitEnd(replayer);
    }
  }

  /** Waits until all that was sent is acknowledged. */
  static void awaitEnd(ReadingReplayer feed) throws InterruptedException {
    assertTrue(feed.await(120, TimeUnit.SECONDS), "feed ends");
    assertEquals("", feed.progress().failure());
    assertEquals(feed.progress().sent(), feed.progress().acknowledged());
  }

  @Override
  public ReadingCursor open() {
    Iterator<KeyedReading> iterator = readings.iterator();
    return new ReadingCursor() {
      @Override
      public List<String> channels() {
        return List.of();
      }

      @Override
      public boolean hasNext() {
        return iterator.hasNext();
      }

      @Override
      public KeyedReading next() {
        return iterator.next();
      }

      @Override
      public double fraction() {
        return hasNext() ? 0 : 1;
      }

      @Override
      public long periodMicros() {
        return 0;
      }

      @Override
      public BadRows badRows() {
        return BadRows.NONE;
      }

      @Override
      public void close() {}
    };
  }
}
