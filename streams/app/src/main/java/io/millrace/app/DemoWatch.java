package io.millrace.app;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A demo that runs, until the time is up or the user has had enough; one line every 5 s. */
final class DemoWatch {
  private static final long LOOK_NANOS = 500_000_000L;
  private static final long LINE_SECONDS = 5;

  private final RunningDeployment running;
  private final PrintWriter out;
  private final long startNanos = System.nanoTime();

  /** What there is to see beside the pipelines. */
  interface Sight {
    /** Why the demo cannot go on; empty while it can. */
    String failure();

    /** One line of progress. */
    String line();
  }

  /** Its time begins now. */
  DemoWatch(RunningDeployment running, PrintWriter out) {
    this.running = running;
    this.out = out;
  }

  /** Seconds since it began. */
  double seconds() {
    return (System.nanoTime() - startNanos) / 1e9;
  }

  /** Tells where the page is. */
  void announce(String doing, Duration lengthOrNull) {
    DemoOptions.say(
        out,
        doing
            + ". Page: "
            + running.page().orElseThrow()
            + (lengthOrNull == null ? "  (Ctrl-C ends the demo)" : ""));
  }

  /**
   * Watches.
   *
   * @param lengthOrNull from the beginning; null for until interrupted
   * @throws IllegalStateException if the pipelines or the sight have failed
   */
  void until(Duration lengthOrNull, CountDownLatch interrupted, Sight sight)
      throws InterruptedException {
    long endNanos = lengthOrNull == null ? Long.MAX_VALUE : lengthOrNull.toNanos();
    long nextLine = LINE_SECONDS;
    while (true) {
      long passed = System.nanoTime() - startNanos;
      if (passed >= endNanos
          || interrupted.await(Math.min(LOOK_NANOS, endNanos - passed), TimeUnit.NANOSECONDS)) {
        return;
      }
      if (running.failure().isPresent()) {
        throw new IllegalStateException(
            "a pipeline stopped: " + RunningDeployment.rootMessage(running.failure().get()));
      }
      String failure = sight.failure();
      if (!failure.isEmpty()) {
        throw new IllegalStateException(failure);
      }
      if (passed / 1e9 >= nextLine) {
        nextLine += LINE_SECONDS;
        DemoOptions.say(
            out, String.format(Locale.ROOT, "%4d s  %s", Math.round(passed / 1e9), sight.line()));
      }
    }
  }
}
