package io.millrace.app.replay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Replays a data set into a topic at a pace, on a thread of its own.
 *
 * <p>A send that fails for good stops the replay, so that no reading is missing between two that
 * arrived. Thread rule: every method from any thread; {@link #start} once.
 */
public final class ReadingReplayer implements AutoCloseable {
  private final SensorDataset dataset;
  private final ReplaySettings settings;
  private final ReadingSink sink;
  private final PaceClock clock;
  private final Thread thread;
  private final AtomicBoolean started = new AtomicBoolean();
  private final CountDownLatch done = new CountDownLatch(1);
  private volatile boolean stopped;
  private volatile ReplayProgress progress =
      new ReplayProgress(0, 0, 0, 1, 0, BadRows.NONE, "", false);

  /**
   * @param clientProperties of the Kafka producer, at least {@code bootstrap.servers}
   */
  public ReadingReplayer(
      SensorDataset dataset, ReplaySettings settings, Map<String, String> clientProperties) {
    this(
        dataset,
        settings,
        new ProducerSink(settings.topic(), clientProperties),
        PaceClock.system());
  }

  ReadingReplayer(
      SensorDataset dataset, ReplaySettings settings, ReadingSink sink, PaceClock clock) {
    this.dataset = Objects.requireNonNull(dataset, "dataset");
    this.settings = Objects.requireNonNull(settings, "settings");
    this.sink = Objects.requireNonNull(sink, "sink");
    this.clock = Objects.requireNonNull(clock, "clock");
    this.thread = new Thread(this::run, "replay-" + dataset.name());
    this.thread.setDaemon(true);
  }

  /** Starts; a second call is refused. */
  public void start() {
    if (!started.compareAndSet(false, true)) {
      throw new IllegalStateException("replay of " + dataset.name() + " was started before");
    }
    thread.start();
  }

  /** Asks it to end after the reading in hand; what was sent is still acknowledged. */
  public void stop() {
    stopped = true;
    LockSupport.unpark(thread);
  }

  /** Waits for the end; true if it came in time. */
  public boolean await(long timeout, TimeUnit unit) throws InterruptedException {
    return done.await(timeout, unit);
  }

  /** How far it is; never blocks. */
  public ReplayProgress progress() {
    ReplayProgress seen = progress;
    return seen.ended()
        ? seen
        : new ReplayProgress(
            seen.sent(),
            sink.acknowledged(),
            seen.fraction(),
            seen.pass(),
            seen.seconds(),
            seen.badRows(),
            sink.failure(),
            false);
  }

  /** Stops and waits for the acknowledgements. */
  @Override
  public void close() {
    stop();
    if (!started.get()) {
      sink.close();
      return;
    }
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    String failure = "";
    long start = clock.nanoTime();
    try {
      replay(start);
    } catch (RuntimeException e) {
      failure = e.toString();
    } finally {
      sink.close();
      failure = failure.isEmpty() ? sink.failure() : failure;
      ReplayProgress last = progress;
      boolean whole = !stopped && failure.isEmpty() && last.fraction() >= 0;
      progress =
          new ReplayProgress(
              last.sent(),
              sink.acknowledged(),
              whole ? 1 : last.fraction(),
              last.pass(),
              (clock.nanoTime() - start) / 1e9,
              last.badRows(),
              failure,
              true);
      done.countDown();
    }
  }

  private void replay(long start) {
    Pace pace = new Pace(settings);
    long shiftMicros = 0;
    for (long pass = 1; settings.passes() == 0 || pass <= settings.passes(); pass++) {
      long period = replayPass(pass, shiftMicros, pace, start);
      // No event time: an empty set, which another pass would not fill.
      if (period == 0 || isOver(progress.sent())) {
        return;
      }
      shiftMicros = Math.addExact(shiftMicros, period);
    }
  }

  /** Event time of the pass, 0 if it was cut short. */
  private long replayPass(long pass, long shiftMicros, Pace pace, long start) {
    long sent = progress.sent();
    try (ReadingCursor cursor = dataset.open()) {
      BadRows bad = pass == 1 ? cursor.badRows() : progress.badRows();
      publish(sent, pass, 0, start, bad);
      while (cursor.hasNext()) {
        if (isOver(sent)) {
          return 0;
        }
        KeyedReading reading = cursor.next().shiftedBy(shiftMicros);
        waitUntil(start, pace.dueNanos(sent, reading.reading().getTimeMicros()));
        if (stopped) {
          return 0;
        }
        sink.send(reading);
        sent++;
        bad = pass == 1 ? cursor.badRows() : bad;
        publish(sent, pass, cursor.fraction(), start, bad);
      }
      return cursor.periodMicros();
    } catch (IOException e) {
      throw new UncheckedIOException(dataset.name() + " cannot be closed", e);
    }
  }

  private void publish(long sent, long pass, double ofPass, long start, BadRows bad) {
    double seconds = (clock.nanoTime() - start) / 1e9;
    progress =
        new ReplayProgress(sent, 0, fraction(sent, pass, ofPass), pass, seconds, bad, "", false);
  }

  private boolean isOver(long sent) {
    boolean limited = settings.limit() > 0 && sent >= settings.limit();
    return stopped || limited || !sink.failure().isEmpty();
  }

  private void waitUntil(long start, long dueNanos) {
    for (long left = start + dueNanos - clock.nanoTime();
        left > 0 && !stopped;
        left = start + dueNanos - clock.nanoTime()) {
      clock.park(left);
    }
  }

  private double fraction(long sent, long pass, double ofPass) {
    double byLimit = settings.limit() > 0 ? (double) sent / settings.limit() : -1;
    double byPasses = settings.passes() > 0 ? (pass - 1 + ofPass) / settings.passes() : -1;
    return Math.max(byLimit, byPasses);
  }
}
