package io.millrace.app.replay;

import java.util.concurrent.locks.LockSupport;

/** The time a replay is paced by; moved by hand in tests. */
interface PaceClock {
  /** As {@link System#nanoTime}. */
  long nanoTime();

  /** Waits at most so long; may return early. */
  void park(long nanos);

  /** The machine's. */
  static PaceClock system() {
    return new PaceClock() {
      @Override
      public long nanoTime() {
        return System.nanoTime();
      }

      @Override
      public void park(long nanos) {
        LockSupport.parkNanos(this, nanos);
      }
    };
  }
}
