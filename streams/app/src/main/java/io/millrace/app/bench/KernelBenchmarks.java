package io.millrace.app.bench;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

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
        new OptionsBuilder()
            .include(cell.benchmark().getName() + "." + cell.method() + "$")
            .param("shape", cell.shape().name())
            .forks(1)
            .threads(1)
            // -Xbatch: on a busy machine the compiler's threads may otherwise not get their turn
            // before the measurement.
            .jvmArgs(
                "--add-modules=jdk.incubator.vector",
                "-Xbatch",
                "-Xms512m",
                "-Xmx512m",
                "-Dmillrace.kernels=" + kernels)
            .warmupIterations(quick ? 1 : 4)
            .warmupTime(TimeValue.milliseconds(quick ? 1000 : 500))
            .measurementIterations(quick ? 1 : 7)
            .measurementTime(TimeValue.milliseconds(quick ? 200 : 500))
            .shouldFailOnError(true);
    if (cell.batch() > 0) {
      options.param("batch", Integer.toString(cell.batch()));
    }
    String bits = System.getProperty("millrace.kernels.bits");
    if (bits != null) {
      options.jvmArgsAppend("-Dmillrace.kernels.bits=" + bits);
    }
    KernelMeasurement measurement = KernelMeasurement.of(run(cell, options.build()));
    progress.printf(Locale.ROOT, "%,.0f records/CPU s%n", measurement.recordsPerCpuSecond());
    progress.flush();
    return measurement;
  }

  /** Runs JMH quietly; what it had to say comes with the error. */
  private static RunResult run(Cell cell, Options options) {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    OutputFormat format =
        OutputFormatFactory.createFormatInstance(
            new PrintStream(log, true, StandardCharsets.UTF_8), VerboseMode.NORMAL);
    try {
      return new Runner(options, format).runSingle();
    } catch (RunnerException e) {
      throw new IllegalStateException(
          "benchmark " + cell + ": " + e.getMessage() + "\n" + log.toString(StandardCharsets.UTF_8),
          e);
    }
  }
}
