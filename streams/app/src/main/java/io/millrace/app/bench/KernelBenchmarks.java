package io.millrace.app.bench;

import java.util.List;

/** Runs the JMH benchmarks of coders and learners. */
final class KernelBenchmarks {
  private KernelBenchmarks() {}

  static List<BenchmarkResult> coders(boolean quick) {
    throw new IllegalStateException("bench coders is not built yet, quick=" + quick);
  }

  static List<BenchmarkResult> learners(boolean quick) {
    throw new IllegalStateException("bench learners is not built yet, quick=" + quick);
  }
}
