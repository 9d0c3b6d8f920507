package io.millrace.app.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.kernel.Kernels;
import io.millrace.runtime.ConfigurationException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace bench}: measures this machine, each figure with what it is held against. */
@Command(
    name = "bench",
    description = {
      "Measures coders, learners, page codecs of the KV cache, federated aggregation, whole",
      "pipelines or their checkpoints, each figure against a ceiling or a rival."
    },
    mixinStandardHelpOptions = true,
    subcommands = CacheQualityCommand.class)
public final class BenchCommand implements Callable<Integer> {
  /** What can be measured. */
  enum Name {
    coders,
    learners,
    pipeline,
    kvpipeline,
    checkpoints,
    kvcache,
    federated,
    federatedpipeline
  }

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "NAME",
      arity = "0..*",
      description = "One or more of ${COMPLETION-CANDIDATES}.")
  private List<Name> names = List.of();

  @Option(names = "--json", paramLabel = "FILE", description = "Write the results as JSON, too.")
  private Path json;

  @Option(
      names = "--quick",
      description = "Fewer and shorter rounds: a smoke test, no measurement.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "WORD",
      description = {
        "Of pipelines, checkpoints, kvcache and federated, what has this word in its name; several"
            + " narrow it down:",
        "kafka-streams, flink, rocksdb, heap, exactly-once, at-least-once. Of kvcache: a codec,",
        "encode, openAndRestore, restore, scores, accumulate, keys, values, cache, memory.",
        "Of federated: part of a rule's or a codec's name, or gram."
      })
  private List<String> only = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Of pipelines: measured rounds (default: 3).")
  private int rounds;

  @Override
  public Integer call() throws Exception {
    if (names.isEmpty()) {
      // not by arity: a command below this one needs none
      throw new ParameterException(spec.commandLine(), "Missing required parameter: 'NAME'");
    }
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "kernels %s, Java %s, %d processors%n",
        Kernels.provider(), Runtime.version(), Runtime.getRuntime().availableProcessors());
    out.flush();
    List<BenchmarkResult> results = new ArrayList<>();
    for (Name name : names) {
      results.addAll(
          switch (name) {
            case coders -> new KernelBenchmarks(spec.commandLine().getErr(), quick).coders();
            case learners -> new KernelBenchmarks(spec.commandLine().getErr(), quick).learners();
            case pipeline ->
                pipeline(
                    PipelineLoad.SENSORS,
                    quick ? PipelineBenchmark.Plan.QUICK : PipelineBenchmark.Plan.FULL);
            case kvpipeline ->
                pipeline(
                    PipelineLoad.CACHE,
                    quick ? PipelineBenchmark.Plan.QUICK_CACHE : PipelineBenchmark.Plan.CACHE);
            case checkpoints ->
                new CheckpointBenchmark(out, quick, subjects(BenchSubject.stores())).run();
            case kvcache -> new PageBenchmarks(spec.commandLine().getErr(), quick, only).run();
            case federated ->
                new AggregationBenchmarks(spec.commandLine().getErr(), quick, only).run();
            case federatedpipeline -> federatedPipeline();
          });
    }
    print(out, results);
    if (json != null) {
      Files.write(
          json,
          new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(results));
    }
    return 0;
  }

  private List<BenchmarkResult> pipeline(PipelineLoad load, PipelineBenchmark.Plan plan)
      throws IOException, InterruptedException {
    return new PipelineBenchmark(
            spec.commandLine().getOut(),
            load,
            rounds > 0 ? plan.withRounds(rounds) : plan,
            subjects(BenchSubject.all()))
        .run();
  }

  private List<BenchmarkResult> federatedPipeline() throws IOException, InterruptedException {
    FederatedPipelineBenchmark.Plan plan =
        quick ? FederatedPipelineBenchmark.Plan.QUICK : FederatedPipelineBenchmark.Plan.FULL;
    return new FederatedPipelineBenchmark(
            spec.commandLine().getOut(),
            rounds > 0 ? plan.withRounds(rounds) : plan,
            subjects(BenchSubject.all()))
        .run();
  }

  private List<BenchSubject> subjects(List<BenchSubject> all) {
    List<BenchSubject> chosen = all.stream().filter(subject -> subject.has(only)).toList();
    if (chosen.isEmpty()) {
      throw new ConfigurationException(
          "--only: got "
              + String.join(" ", only)
              + ", expected words of "
              + all.stream().map(BenchSubject::name).collect(Collectors.joining(", ")));
    }
    return chosen;
  }

  private static void print(PrintWriter out, List<BenchmarkResult> results) {
    out.printf(
        "%n%-34s %-24s %14s  %-34s %14s %7s%n",
        "benchmark", "shape", "value", "against", "its value", "ratio");
    for (BenchmarkResult result : results) {
      out.printf(
          Locale.ROOT,
          "%-34s %-24s %14s  %-34s %14s %7.2f  %s%n",
          result.benchmark(),
          result.shape(),
          figure(result.value()),
          result.against(),
          figure(result.againstValue()),
          result.ratio(),
          result.unit());
    }
    out.flush();
  }

  /** Rates in gigabytes are small numbers, rates in records are large ones. */
  private static String figure(double value) {
    return String.format(Locale.ROOT, value < 1000 ? "%.2f" : "%,.0f", value);
  }
}
