package io.millrace.app.bench;

import io.millrace.operator.federated.Aggregations;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Aggregation of updates under JMH, one thread, a fresh process for every figure, each held against
 * a plain read and a copy of the same memory. Figures are billions of clients' floats per CPU
 * second of the benchmark's thread ({@link CpuClock}), medians over the iterations; four times that
 * are gigabytes.
 */
final class AggregationBenchmarks {
  private static final String READ = "plain read";
  private static final String COPY = "copy";
  private static final int HEAP_MEGABYTES = 1024;

  private final PrintWriter progress;
  private final boolean quick;
  private final List<String> only;

  /**
   * @param progress told what runs and what came out
   * @param quick one short iteration each
   * @param only words of which one must be in the name of a figure; none: all
   */
  AggregationBenchmarks(PrintWriter progress, boolean quick, List<String> only) {
    this.progress = progress;
    this.quick = quick;
    this.only = only;
  }

  /** The Gram matrix and every rule, each against a plain read of the same floats. */
  List<BenchmarkResult> run() {
    KernelMeasurement read = measure(READ, fork("read"));
    KernelMeasurement copy = measure(COPY, fork("copy"));
    List<BenchmarkResult> results = new ArrayList<>();
    results.add(row(COPY, copy, READ, read));
    if (wanted("gram")) {
      results.add(row("gram", measure("gram", fork("gram")), READ, read));
    }
    for (String rule : Aggregations.names()) {
      if (wanted(rule)) {
        KernelMeasurement own = measure(rule, fork("aggregate").param("rule", rule));
        results.add(row(rule, own, READ, read));
        results.add(row(rule, own, COPY, copy));
      }
    }
    return results;
  }

  private boolean wanted(String name) {
    return only.isEmpty() || only.stream().anyMatch(name::contains);
  }

  private static ChainedOptionsBuilder fork(String method) {
    String kernels = System.getProperty("millrace.kernels", "auto");
    return JmhFork.options(AggregationBenchmark.class, method, kernels, HEAP_MEGABYTES);
  }

  private KernelMeasurement measure(String name, ChainedOptionsBuilder options) {
    progress.printf("%s ... ", name);
    progress.flush();
    options
        .warmupIterations(quick ? 1 : 3)
        .warmupTime(TimeValue.milliseconds(1000))
        .measurementIterations(quick ? 1 : 7)
        .measurementTime(TimeValue.milliseconds(500));
    KernelMeasurement measured = KernelMeasurement.of(JmhFork.run(name, options));
    progress.printf(
        Locale.ROOT,
        "%.2f Gparam/s, %.2f GB/s%n",
        measured.recordsPerCpuSecond() / 1e9,
        measured.recordsPerCpuSecond() * Float.BYTES / 1e9);
    progress.flush();
    return measured;
  }

  private static BenchmarkResult row(
      String name, KernelMeasurement own, String rival, KernelMeasurement other) {
    double value = own.recordsPerCpuSecond() / 1e9;
    double against = other.recordsPerCpuSecond() / 1e9;
    return new BenchmarkResult(
        name,
        AggregationBenchmark.CLIENTS + " x 1 M",
        value,
        "Gparam/CPU s",
        own.cpuSeconds(),
        rival,
        against,
        value / against);
  }
}
