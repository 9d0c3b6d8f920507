package io.millrace.app.bench;

import io.millrace.operator.federated.Aggregations;
import io.millrace.operator.federated.PayloadSums;
import io.millrace.operator.federated.UpdateCodecs;
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
  private static final String PRODUCT = "matrix product";
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

  /**
   * The Gram matrix, every rule and every codec, each against a plain read of the same floats; the
   * Gram matrix against the kernels' matrix product, too.
   */
  List<BenchmarkResult> run() {
    KernelMeasurement read = measure(READ, fork("read"));
    KernelMeasurement copy = measure(COPY, fork("copy"));
    List<BenchmarkResult> results = new ArrayList<>();
    results.add(row(COPY, copy, READ, read));
    if (wanted("gram")) {
      KernelMeasurement product = measure(PRODUCT, fork("product"));
      KernelMeasurement gram = measure("gram", fork("gram"));
      results.add(row("gram", gram, READ, read));
      results.add(products("gram", gram, product));
    }
    for (String rule : Aggregations.names()) {
      if (wanted(rule)) {
        KernelMeasurement own = measure(rule, fork("aggregate").param("rule", rule));
        results.add(row(rule, own, READ, read));
        results.add(row(rule, own, COPY, copy));
      }
    }
    for (String codec : UpdateCodecs.names()) {
      if (wanted(codec)) {
        results.addAll(codec(codec, read));
      }
    }
    return results;
  }

  /** Payloads decoded and summed; of linear codecs also summed and decoded. */
  private List<BenchmarkResult> codec(String codec, KernelMeasurement read) {
    String decoded = codec + ", decoded and summed";
    KernelMeasurement own = measure(decoded, codecFork("decoded", codec));
    if (!PayloadSums.isLinear(codec)) {
      return List.of(row(decoded, own, READ, read));
    }
    String packed = codec + ", summed as it is";
    KernelMeasurement linear = measure(packed, codecFork("packed", codec));
    return List.of(
        row(decoded, own, READ, read),
        row(packed, linear, READ, read),
        row(packed, linear, decoded, own));
  }

  private static ChainedOptionsBuilder codecFork(String method, String codec) {
    return fork(CodecSumBenchmark.class, method).param("codec", codec);
  }

  private boolean wanted(String name) {
    return only.isEmpty() || only.stream().anyMatch(name::contains);
  }

  private static ChainedOptionsBuilder fork(String method) {
    return fork(AggregationBenchmark.class, method);
  }

  private static ChainedOptionsBuilder fork(Class<?> benchmark, String method) {
    String kernels = System.getProperty("millrace.kernels", "auto");
    return JmhFork.options(benchmark, method, kernels, HEAP_MEGABYTES);
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
        "%.2f G/s, %.2f GB/s%n",
        measured.recordsPerCpuSecond() / 1e9,
        measured.recordsPerCpuSecond() * Float.BYTES / 1e9);
    progress.flush();
    return measured;
  }

  /** Products that a Gram matrix needs against those that a matrix product of floats makes. */
  private static BenchmarkResult products(
      String name, KernelMeasurement own, KernelMeasurement product) {
    double perFloat = (AggregationBenchmark.CLIENTS + 1) / 2.0;
    double value = own.recordsPerCpuSecond() * perFloat / 1e9;
    double against = product.recordsPerCpuSecond() / 1e9;
    return new BenchmarkResult(
        name + ", in double",
        "64 x 1 M",
        value,
        "Gproducts/CPU s",
        own.cpuSeconds(),
        PRODUCT + " of floats",
        against,
        value / against);
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
