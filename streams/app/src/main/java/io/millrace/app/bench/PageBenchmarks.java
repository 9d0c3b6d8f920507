package io.millrace.app.bench;

import io.millrace.operator.kvcache.PageKind;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Page codecs under JMH, one thread, a fresh process for every figure, each held against a copy of
 * the same floats: in the second-level cache and, for what a page goes through as it is cut and
 * fetched, from memory.
 *
 * <p>Figures are gigabytes of float32 per CPU second of the benchmark's thread ({@link CpuClock}):
 * what goes in when a page is encoded, what comes out when it is restored, and what a dense page
 * would have read when it is attended on. Medians over the iterations.
 */
final class PageBenchmarks {
  private static final String COPY = "copy of the floats";
  private static final List<String> CODECS =
      List.of(
          "fp16",
          "bf16",
          "rtn-8",
          "rtn-4",
          "kivi-4",
          "kivi-3",
          "kivi-2",
          "rotated-4",
          "rotated-3",
          "rotated-2",
          "bfp-4",
          "transform-2");

  private final PrintWriter progress;
  private final boolean quick;
  private final List<String> only;

  /** What JMH is to run. */
  private record Cell(String codec, String method, PageKind kind, int pages) {
    /** Name in the table. */
    String title() {
      return codec + " " + method;
    }

    String shape() {
      return (kind == PageKind.KEYS ? "keys, " : "values, ") + (pages == 1 ? "cache" : "memory");
    }

    @Override
    public String toString() {
      return title() + ", " + shape();
    }
  }

  /**
   * @param progress told what runs and what came out
   * @param quick few short iterations, in cache only
   * @param only words that the name of a figure must have, all of them: kivi-4, encode, keys, cache
   *     and so on
   */
  PageBenchmarks(PrintWriter progress, boolean quick, List<String> only) {
    this.progress = progress;
    this.quick = quick;
    this.only = only;
  }

  /** Every codec, and the entropy coder alone. */
  List<BenchmarkResult> run() {
    List<BenchmarkResult> results = new ArrayList<>();
    KernelMeasurement cache = measure(new Cell("fp32", "copy", PageKind.KEYS, 1));
    for (Cell cell : cells(1)) {
      results.add(row(cell, measure(cell), cache));
    }
    if (wanted("numerals encode decode, cache")) {
      results.add(row("numerals encode", numerals("encode"), cache));
      results.add(row("numerals decode", numerals("decode"), cache));
    }
    List<Cell> large = quick ? List.of() : cells(PageCodecBenchmark.PAGES_IN_MEMORY);
    if (!large.isEmpty()) {
      KernelMeasurement memory =
          measure(new Cell("fp32", "copy", PageKind.KEYS, PageCodecBenchmark.PAGES_IN_MEMORY));
      for (Cell cell : large) {
        results.add(row(cell, measure(cell), memory));
      }
    }
    return results;
  }

  private List<Cell> cells(int pages) {
    List<Cell> cells = new ArrayList<>();
    for (String codec : CODECS) {
      for (PageKind kind : PageKind.values()) {
        cells.add(new Cell(codec, "encode", kind, pages));
        cells.add(new Cell(codec, "openAndRestore", kind, pages));
        if (pages == 1) {
          cells.add(new Cell(codec, "restore", kind, pages));
        }
      }
      cells.add(new Cell(codec, "scores", PageKind.KEYS, pages));
      cells.add(new Cell(codec, "accumulate", PageKind.VALUES, pages));
    }
    return cells.stream().filter(cell -> wanted(cell.toString())).toList();
  }

  private boolean wanted(String name) {
    List<String> words = List.of(name.split(",? "));
    return words.containsAll(only);
  }

  private KernelMeasurement numerals(String method) {
    return measure(
        "numerals " + method,
        JmhFork.options(NumeralCoderBenchmark.class, method, kernels(), heapMegabytes(1)));
  }

  private KernelMeasurement measure(Cell cell) {
    return measure(
        cell.toString(),
        JmhFork.options(
                PageCodecBenchmark.class, cell.method(), kernels(), heapMegabytes(cell.pages()))
            .param("codec", cell.codec())
            .param("kind", cell.kind().name())
            .param("pages", Integer.toString(cell.pages())));
  }

  private KernelMeasurement measure(String name, ChainedOptionsBuilder options) {
    progress.printf("%s ... ", name);
    progress.flush();
    options
        .warmupIterations(quick ? 1 : 3)
        .warmupTime(TimeValue.milliseconds(quick ? 100 : 500))
        .measurementIterations(quick ? 1 : 5)
        .measurementTime(TimeValue.milliseconds(100));
    KernelMeasurement measured = KernelMeasurement.of(JmhFork.run(name, options));
    progress.printf(Locale.ROOT, "%.2f GB/s%n", gigabytes(measured));
    progress.flush();
    return measured;
  }

  private static BenchmarkResult row(Cell cell, KernelMeasurement own, KernelMeasurement copy) {
    return row(cell.title(), cell.shape(), own, copy);
  }

  private static BenchmarkResult row(String name, KernelMeasurement own, KernelMeasurement copy) {
    return row(name, "cache", own, copy);
  }

  private static BenchmarkResult row(
      String name, String shape, KernelMeasurement own, KernelMeasurement copy) {
    return new BenchmarkResult(
        name,
        shape,
        gigabytes(own),
        "GB float32/CPU s",
        own.cpuSeconds(),
        COPY,
        gigabytes(copy),
        gigabytes(own) / gigabytes(copy));
  }

  private static double gigabytes(KernelMeasurement measured) {
    return measured.recordsPerCpuSecond() * Float.BYTES / 1e9;
  }

  private static String kernels() {
    return System.getProperty("millrace.kernels", "auto");
  }

  private static int heapMegabytes(int pages) {
    return pages == 1 ? 256 : 1024;
  }
}
