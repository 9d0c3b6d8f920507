package io.millrace.app.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.SensorReading;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class ReadingReplayerTest {
  private static final long STEP_MICROS = 250_000;

  @Test
  void keepsTheRateWithoutDriftThoughEveryWakeUpIsLate() throws Exception {
    HandClock clock = new HandClock(3_000_000);
    RecordingSink sink = new RecordingSink(clock);
    ReplayProgress end = replay(1000, new ReplaySettings("t", 100, 0, 1, 0), sink, clock);

    assertEquals(1000, end.sent());
    // Reading i is due at i x 10 ms, and the clock wakes 3 ms late each time: never more in all.
    for (int i = 0; i < sink.sentNanos.size(); i++) {
      long lateNanos = sink.sentNanos.get(i) - i * 10_000_000L;
      assertTrue(lateNanos >= 0 && lateNanos <= 3_000_000, "reading " + i + " late " + lateNanos);
    }
  }

  @Test
  void followsEventTimeAtASpeedUp() throws Exception {
    HandClock clock = new HandClock(0);
    RecordingSink sink = new RecordingSink(clock);
    replay(5, new ReplaySettings("t", 0, 10, 1, 0), sink, clock);

    assertEquals(List.of(0L, 25_000_000L, 50_000_000L, 75_000_000L, 100_000_000L), sink.sentNanos);
  }

  @Test
  void continuesEventTimeOverPasses() throws Exception {
    HandClock clock = new HandClock(0);
    RecordingSink sink = new RecordingSink(clock);
    ReplayProgress end = replay(3, new ReplaySettings("t", 0, 0, 4, 0), sink, clock);

    List<Long> expected = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      expected.add(i * STEP_MICROS);
    }
    assertEquals(expected, sink.micros);
    assertEquals(4, end.pass());
    assertEquals(1.0, end.fraction());
  }

  @Test
  void endsAtTheLimitInAnEndlessReplay() throws Exception {
    HandClock clock = new HandClock(0);
    RecordingSink sink = new RecordingSink(clock);
    ReplayProgress end = replay(3, new ReplaySettings("t", 0, 0, 0, 8), sink, clock);

    assertEquals(8, end.sent());
    assertEquals(8, end.acknowledged());
    assertEquals(1.0, end.fraction());
    assertTrue(sink.closed);
  }

  @Test
  void stopsAtTheFirstFailureAndSaysWhy() throws Exception {
    HandClock clock = new HandClock(0);
    RecordingSink sink = new RecordingSink(clock);
    sink.failAt = 5;
    ReplayProgress end = replay(100, new ReplaySettings("t", 0, 0, 1, 0), sink, clock);

    assertEquals(5, end.sent());
    assertEquals("broker is full", end.failure());
    assertTrue(end.fraction() < 0.1, "fraction " + end.fraction());
  }

  @Test
  void stopEndsAReplayThatWaitsForItsNextReading() throws Exception {
    CountDownLatch parked = new CountDownLatch(1);
    PaceClock stuck =
        new PaceClock() {
          @Override
          public long nanoTime() {
            return 0;
          }

          @Override
          public void park(long nanos) {
            parked.countDown();
            Thread.onSpinWait();
          }
        };
    RecordingSink sink = new RecordingSink(stuck);
    ReadingReplayer replayer =
        new ReadingReplayer(steps(10), new ReplaySettings("t", 1, 0, 1, 0), sink, stuck);
    replayer.start();
    assertTrue(parked.await(20, TimeUnit.SECONDS));
    replayer.close();

    assertEquals(1, replayer.progress().sent());
    assertTrue(replayer.progress().ended());
    assertThrows(IllegalStateException.class, replayer::start);
  }

  @Test
  void reportsAnUnreadableSetInsteadOfHanging() throws Exception {
    HandClock clock = new HandClock(0);
    SensorDataset broken =
        new SensorDataset() {
          @Override
          public String name() {
            return "broken";
          }

          @Override
          public ReadingCursor open() {
            throw new IllegalArgumentException("no header row");
          }
        };
    ReadingReplayer replayer =
        new ReadingReplayer(broken, ReplaySettings.once("t"), new RecordingSink(clock), clock);
    replayer.start();

    assertTrue(replayer.await(20, TimeUnit.SECONDS));
    assertTrue(replayer.progress().failure().contains("no header row"));
  }

  private static ReplayProgress replay(
      int readings, ReplaySettings settings, RecordingSink sink, PaceClock clock)
      throws InterruptedException {
    try (ReadingReplayer replayer = new ReadingReplayer(steps(readings), settings, sink, clock)) {
      replayer.start();
      assertTrue(replayer.await(20, TimeUnit.SECONDS));
      return replayer.progress();
    }
  }

  private static SensorDataset steps(int count) {
    return new SensorDataset() {
      @Override
      public String name() {
        return "steps";
      }

      @Override
      public ReadingCursor open() {
        return new ListCursor(
            List.of("x"),
            count,
            count * STEP_MICROS,
            i ->
                new KeyedReading(
                    "s", new SensorReading(i * STEP_MICROS, List.of((float) i), List.of())));
      }
    };
  }

  /** Stands still but for {@link #park}, which oversleeps by a constant. */
  private static final class HandClock implements PaceClock {
    private final long lateNanos;
    private long now;

    HandClock(long lateNanos) {
      this.lateNanos = lateNanos;
    }

    @Override
    public long nanoTime() {
      return now;
    }

    @Override
    public void park(long nanos) {
      now += nanos + lateNanos;
    }
  }

  private static final class RecordingSink implements ReadingSink {
    private final PaceClock clock;
    private final List<Long> sentNanos = new ArrayList<>();
    private final List<Long> micros = new ArrayList<>();
    private int failAt = Integer.MAX_VALUE;
    private boolean closed;

    RecordingSink(PaceClock clock) {
      this.clock = clock;
    }

    @Override
    public void send(KeyedReading reading) {
      sentNanos.add(clock.nanoTime());
      micros.add(reading.reading().getTimeMicros());
    }

    @Override
    public long acknowledged() {
      return micros.size();
    }

    @Override
    public String failure() {
      return micros.size() >= failAt ? "broker is full" : "";
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
