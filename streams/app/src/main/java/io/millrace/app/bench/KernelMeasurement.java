package io.millrace.app.bench;

import java.util.Collection;
import java.util.function.ToDoubleFunction;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;

/**
 * One benchmark's rate.
 *
 * @param recordsPerCpuSecond median over the iterations
 * @param cpuSeconds of all measured iterations together
 */
record KernelMeasurement(double recordsPerCpuSecond, double cpuSeconds) {

  /**
   * Reads what {@link CpuClock} counted.
   *
   * @throws IllegalStateException when an iteration took no CPU time
   */
  static KernelMeasurement of(RunResult run) {
    return of(
        run.getBenchmarkResults().stream().flatMap(b -> b.getIterationResults().stream()).toList(),
        iteration -> counter(iteration, "records"),
        iteration -> counter(iteration, "cpuNanos"));
  }

  static <T> KernelMeasurement of(
      Collection<T> iterations, ToDoubleFunction<T> records, ToDoubleFunction<T> cpuNanos) {
    double[] rates = new double[iterations.size()];
    double nanos = 0;
    int i = 0;
    for (T iteration : iterations) {
      double time = cpuNanos.applyAsDouble(iteration);
      if (!(time > 0)) {
        throw new IllegalStateException("CPU time of an iteration: got " + time + " ns");
      }
      nanos += time;
      rates[i++] = records.applyAsDouble(iteration) * 1e9 / time;
    }
    return new KernelMeasurement(PipelineBenchmark.median(rates), nanos / 1e9);
  }

  private static double counter(IterationResult iteration, String name) {
    return iteration.getSecondaryResults().get(name).getScore();
  }

  /** One row: this figure against another. */
  BenchmarkResult against(String benchmark, String shape, String rival, KernelMeasurement other) {
    return new BenchmarkResult(
        benchmark,
        shape,
        recordsPerCpuSecond,
        "records/CPU s",
        cpuSeconds,
        rival,
        other.recordsPerCpuSecond,
        recordsPerCpuSecond / other.recordsPerCpuSecond);
  }
}
