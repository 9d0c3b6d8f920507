package io.millrace.it;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Waiting for a condition, with a deadline and a sentence. */
final class Await {
  private static final long FIRST_PAUSE_NANOS = 20_000_000;

  /**
   * Looking costs what the tested processes would need: half of a small machine when they wait
   * long.
   */
  private static final long LONGEST_PAUSE_NANOS = 300_000_000;

  /** A condition that may throw. */
  interface Condition {
    boolean holds() throws Exception;
  }

  private Await() {}

  static void until(String what, Duration deadline, Condition condition) {
    until(() -> what, deadline, condition);
  }

  /**
   * Returns when the condition holds.
   *
   * @param what said on failure, computed then
   */
  static void until(Supplier<String> what, Duration deadline, Condition condition) {
    long end = System.nanoTime() + deadline.toNanos();
    Exception last = null;
    long pause = FIRST_PAUSE_NANOS;
    while (true) {
      try {
        if (condition.holds()) {
          return;
        }
        last = null;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted waiting until " + what.get(), e);
      } catch (Exception e) {
        last = e;
      }
      if (System.nanoTime() > end) {
        throw new AssertionError("not within " + deadline.toSeconds() + " s: " + what.get(), last);
      }
      LockSupport.parkNanos(pause);
      pause = Math.min(pause + pause / 2, LONGEST_PAUSE_NANOS);
    }
  }
}
