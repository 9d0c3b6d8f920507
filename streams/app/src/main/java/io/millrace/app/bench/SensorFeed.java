package io.millrace.app.bench;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Feeds a running pipeline lap by lap, and watches what it commits. One thread. */
final class SensorFeed {
  private static final long LIMIT_NANOS = TimeUnit.MINUTES.toNanos(2);

  private final BenchBroker broker;
  private final String group;
  private final String topic;
  private final SinusoidReadings readings;
  private final CommitSeries commits = new CommitSeries();
  private final long start = System.nanoTime();
  private int step;
  private long written;

  /**
   * @param group that the pipeline commits as
   * @param topic that it reads, empty at first
   */
  SensorFeed(BenchBroker broker, String group, String topic, SinusoidReadings readings) {
    this.broker = broker;
    this.group = group;
    this.topic = topic;
    this.readings = readings;
  }

  /** Writes one reading of each of the first sensors. */
  void lap(int sensors) {
    readings.step(step++, sensors);
    readings.flush();
    written += sensors;
  }

  /** Looks at what is committed. */
  void look() throws InterruptedException {
    commits.saw((System.nanoTime() - start) / 1e9, broker.committed(group, topic));
  }

  /** Commits that were seen to move on, since the start. */
  int commits() {
    return commits.count();
  }

  /**
   * Waits until all that was written is committed. One sensor goes on meanwhile: Flink's source
   * commits up to 10 s late when no more records come.
   *
   * @throws IllegalStateException when that takes more than two minutes
   */
  void awaitCommit() throws InterruptedException {
    long until = System.nanoTime() + LIMIT_NANOS;
    long all = written;
    while (commits.last() < all) {
      if (System.nanoTime() > until) {
        throw new IllegalStateException(
            group + " committed " + commits.last() + " of " + all + " records in 2 minutes");
      }
      lap(1);
      look();
      LockSupport.parkNanos(100_000_000L);
    }
  }
}
