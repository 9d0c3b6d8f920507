package io.millrace.app.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Counts a benchmark's records and the CPU time of its thread, iteration by iteration. JMH calls
 * the set-up and the tear-down on the benchmark's own thread, so the time excludes the compiler's
 * and the collector's threads and whatever else runs on the machine: a busy neighbour takes wall
 * time, hardly CPU time.
 */
@AuxCounters(AuxCounters.Type.EVENTS)
@State(Scope.Thread)
public class CpuClock {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Records handled in this iteration; benchmarks add to it. */
  public long records;

  /** CPU time of this iteration, ns; written when it ends. */
  public long cpuNanos;

  private long startNanos;

  /** Starts an iteration. */
  @Setup(Level.Iteration)
  public void start() {
    records = 0;
    startNanos = THREADS.getCurrentThreadCpuTime();
  }

  /** Ends an iteration. */
  @TearDown(Level.Iteration)
  public void stop() {
    cpuNanos = THREADS.getCurrentThreadCpuTime() - startNanos;
  }
}
