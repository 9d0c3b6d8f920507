package io.millrace.app.cohort;

import java.io.IOException;

/** Ends a process with the one that started it, of which nobody else would tell it. */
public final class ParentWatch {
  private ParentWatch() {}

  /** Waits on a thread of its own for the end of the standard input, then ends the process. */
  public static void start() {
    Thread thread =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {
                  // nothing is expected but the end
                }
              } catch (IOException closed) {
                // as good as the end
              }
              Runtime.getRuntime().halt(0);
            },
            "parent-watch");
    thread.setDaemon(true);
    thread.start();
  }
}
