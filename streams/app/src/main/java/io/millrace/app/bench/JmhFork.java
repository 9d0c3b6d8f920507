package io.millrace.app.bench;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormat;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** One JMH benchmark in a fresh process, one thread, quietly. */
final class JmhFork {
  private JmhFork() {}

  /**
   * Options of a method of a benchmark class; iterations are the caller's.
   *
   * @param kernels value of millrace.kernels in the process
   * @param megabytes of heap
   */
  static ChainedOptionsBuilder options(
      Class<?> benchmark, String method, String kernels, int megabytes) {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(benchmark.getName() + "." + method + "$")
            .forks(1)
            .threads(1)
            // -Xbatch: on a busy machine the compiler's threads may otherwise not get their turn
            // before the measurement.
            .jvmArgs(
                "--add-modules=jdk.incubator.vector",
                "-Xbatch",
                "-Xms" + megabytes + "m",
                "-Xmx" + megabytes + "m",
                "-Dmillrace.kernels=" + kernels)
            .shouldFailOnError(true);
    String bits = System.getProperty("millrace.kernels.bits");
    if (bits != null) {
      options.jvmArgsAppend("-Dmillrace.kernels.bits=" + bits);
    }
    return options;
  }

  /**
   * Runs it; what JMH had to say comes with the error.
   *
   * @param name for the error
   * @throws IllegalStateException when it fails
   */
  static RunResult run(String name, ChainedOptionsBuilder options) {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    OutputFormat format =
        OutputFormatFactory.createFormatInstance(
            new PrintStream(log, true, StandardCharsets.UTF_8), VerboseMode.NORMAL);
    try {
      return new Runner(options.build(), format).runSingle();
    } catch (RunnerException e) {
      throw new IllegalStateException(
          "benchmark " + name + ": " + e.getMessage() + "\n" + log.toString(StandardCharsets.UTF_8),
          e);
    }
  }
}
