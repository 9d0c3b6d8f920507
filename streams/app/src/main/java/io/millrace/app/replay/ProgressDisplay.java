package io.millrace.app.replay;

import java.io.PrintStream;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how far a replay is: a bar on a terminal, else a line at every tenth. */
interface ProgressDisplay extends AutoCloseable {
  void show(ReplayProgress progress);

  @Override
  void close();

  /** The display that fits where the process runs. */
  static ProgressDisplay on(PrintStream out, String task) {
    // Of the two signs that a JDK gives for a terminal, only a set TERM tells it from a pipe here:
    // System.console is there on newer JDKs even when nothing is.
    boolean terminal = System.console() != null && System.getenv("TERM") != null;
    return terminal ? new Bar(out, task) : new Lines(out, task);
  }

  /** A progress bar. */
  final class Bar implements ProgressDisplay {
    private final ProgressBar bar;

    Bar(PrintStream out, String task) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(-1)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(200)
              .setUnit(" readings", 1)
              .showSpeed()
              .setConsumer(new ConsoleProgressBarConsumer(out))
              .build();
    }

    @Override
    public void show(ReplayProgress progress) {
      if (progress.fraction() > 0) {
        bar.maxHint(Math.max(progress.sent(), Math.round(progress.sent() / progress.fraction())));
      }
      bar.stepTo(progress.sent());
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /** Plain lines. */
  final class Lines implements ProgressDisplay {
    private final PrintStream out;
    private final String task;
    private long tenth;

    Lines(PrintStream out, String task) {
      this.out = out;
      this.task = task;
    }

    @Override
    public void show(ReplayProgress progress) {
      long now = (long) (progress.fraction() * 10);
      if (now > tenth) {
        tenth = now;
        out.printf(Locale.ROOT, "%s: %d %%, %,d readings%n", task, now * 10, progress.sent());
      }
    }

    @Override
    public void close() {
      out.flush();
    }
  }
}
