package io.millrace.app.bench;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Coders and learners under JMH, one thread, a fresh process for every figure. Each is held against
 * the part of its own work that it cannot do without (its ceiling) and against itself on the scalar
 * twin of the kernels.
 *
 * <p>Figures are records per CPU second of the benchmark's thread ({@link CpuClock}), medians over
 * the iterations.
 */
final class KernelBenchmarks {
  private static final String PROJECTION = "projection alone";
  private static final String CODING = "coding alone";
  private static final String SCALAR = "scalar twin";
  private static final int HEAP_MEGABYTES = 512;

  private final PrintWriter progress;
  private final boolean quick;

  /** What JMH is to run: a method of a benchmark class at a shape. */
  private record Cell(Class<?> benchmark, String method, Shape shape, int batch) {
    @Override
    public String toString() {
      return method + ", " + label(this);
    }
  }

  /**
   * @param progress told what runs and what came out
   * @param quick few short iterations of the smaller shapes
   */
  KernelBenchmarks(PrintWriter progress, boolean quick) {
    this.progress = progress;
    this.quick = quick;
  }

  /** Every coder at its shapes. */
  List<BenchmarkResult> coders() {
    List<BenchmarkResult> results = new ArrayList<>();
    for (Shape shape : shapes()) {
      KernelMeasurement ceiling = simd(coder("projection", shape));
      results.addAll(compare("batched OMP", coder("pursuit", shape), PROJECTION, ceiling));
      results.addAll(compare("lasso CD", coder("lasso", shape), PROJECTION, ceiling));
    }
    KernelMeasurement orthonormal = simd(coder("projection", Shape.ORTHONORMAL));
    results.addAll(
        compare("hard threshold", coder("threshold", Shape.ORTHONORMAL), PROJECTION, orthonormal));
    KernelMeasurement single = simd(coder("singleProjection", Shape.A));
    results.addAll(
        compare("OMP, one record a call", coder("singlePursuit", Shape.A), PROJECTION, single));
    return results;
  }

  /** Every learner at its shapes. */
  List<BenchmarkResult> learners() {
    List<BenchmarkResult> results = new ArrayList<>();
    for (Shape shape : shapes()) {
      results.addAll(learner("ODL with OMP", shape, 256));
    }
    results.addAll(learner("ODL with OMP", Shape.A, 32));
    results.addAll(learner("FW-ODL with threshold", Shape.ORTHONORMAL, 16));
    return results;
  }

  private List<Shape> shapes() {
    return quick ? List.of(Shape.A) : List.of(Shape.A, Shape.B, Shape.C);
  }

  private List<BenchmarkResult> learner(String name, Shape shape, int batch) {
    KernelMeasurement ceiling = simd(new Cell(LearnerBenchmark.class, "codeOnly", shape, batch));
    return compare(name, new Cell(LearnerBenchmark.class, "learn", shape, batch), CODING, ceiling);
  }

  private static Cell coder(String method, Shape shape) {
    return new Cell(CoderBenchmark.class, method, shape, 0);
  }

  private List<BenchmarkResult> compare(
      String name, Cell cell, String ceilingName, KernelMeasurement ceiling) {
    KernelMeasurement own = simd(cell);
    KernelMeasurement scalar = run(cell, "scalar");
    return List.of(
        own.against(name, label(cell), ceilingName, ceiling),
        own.against(name, label(cell), SCALAR, scalar));
  }

  private static String label(Cell cell) {
    return cell.shape().label() + (cell.batch() > 0 ? " b" + cell.batch() : "");
  }

  private KernelMeasurement simd(Cell cell) {
    return run(cell, System.getProperty("millrace.kernels", "auto"));
  }

  private KernelMeasurement run(Cell cell, String kernels) {
    progress.printf("%s, kernels %s ... ", cell, kernels);
    progress.flush();
    ChainedOptionsBuilder options =
        JmhFork.options(cell.benchmark(), cell.method(), kernels, HEAP_MEGABYTES)
            .param("shape", cell.shape().name())
            .warmupIterations(quick ? 1 : 4)
            .warmupTime(TimeValue.milliseconds(quick ? 1000 : 500))
            .measurementIterations(quick ? 1 : 7)
            .measurementTime(TimeValue.milliseconds(quick ? 200 : 500));
    if (cell.batch() > 0) {
      options.param("batch", Integer.toString(cell.batch()));
    }
    KernelMeasurement measurement = KernelMeasurement.of(JmhFork.run(cell.toString(), options));
    progress.printf(Locale.ROOT, "%,.0f records/CPU s%n", measurement.recordsPerCpuSecond());
    progress.flush();
    return measurement;
  }
}
