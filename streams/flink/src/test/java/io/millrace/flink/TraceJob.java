package io.millrace.flink;

import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A trace's stage as a job in a cluster of this process, without a broker: the graph of a pipeline
 * between a source that reads the trace and a {@link Transcript}.
 */
final class TraceJob {
  private static final long PATIENCE_SECONDS = 60;
  private static final int MOST_OUTPUTS = 100_000;

  private final Trace trace;
  private final Path directory;
  private final Configuration configuration;
  private final List<TopicRecord> readings;
  private final List<TopicRecord> models;
  private String failAt = "";
  private Permits readingPermits = Permits.ALL;
  private String transcript = "transcript";
  private int from;

  /**
   * @param directory for checkpoints, savepoints and marks
   */
  TraceJob(Trace trace, Path directory) {
    this.trace = trace;
    this.directory = directory;
    this.configuration =
        new FlinkSettings(trace.deployment(), LaunchSettings.LOCAL, directory.toString())
            .job("trace");
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(50));
    configuration.set(RestOptions.BIND_PORT, "0");
    configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
    // small state lies in the savepoint's one file
    configuration.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ofMebiBytes(1));
    this.readings = records(trace, false);
    this.models = records(trace, true);
  }

  static List<TopicRecord> records(Trace trace, boolean models) {
    return trace.events().stream()
        .map(Trace.Event::record)
        .filter(record -> trace.isModel(record) == models)
        .toList();
  }

  TraceJob failAt(int reading) {
    failAt = Turnstile.name(readings.get(reading));
    return this;
  }

  TraceJob readings(Permits permits) {
    readingPermits = permits;
    return this;
  }

  TraceJob resume(String savepoint) {
    configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    configuration.set(StateRecoveryOptions.SAVEPOINT_IGNORE_UNCLAIMED_STATE, true);
    return this;
  }

  /** Outputs go under another name: those of earlier runs are not taken over. */
  TraceJob transcript(String name) {
    transcript = name;
    return this;
  }

  /**
   * Reads from here on, whatever a savepoint says of sources: only the stage's state counts. Of the
   * models, which the state holds, only the oldest comes again.
   */
  TraceJob continueFrom(int reading) {
    from = reading;
    transcript = "continued";
    return this;
  }

  TraceJob backend(String name) {
    configuration.setString("state.backend.type", name);
    return this;
  }

  /**
   * Runs until a record has passed on its way to the operator; leaves a savepoint behind.
   *
   * @param reading number of that record; negative: the last model
   */
  String runToSavepoint(int parallelism, int reading, SavepointFormatType format) throws Exception {
    Path mark = Files.createTempDirectory(directory, "mark").resolve("passed");
    TopicRecord last = reading < 0 ? models.get(models.size() - 1) : readings.get(reading);
    StreamExecutionEnvironment environment = environment(parallelism);
    transcript(environment, Turnstile.name(last), mark).sinkTo(new DiscardingSink<>());
    JobClient job = environment.executeAsync("to-savepoint");
    try {
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      while (!Files.exists(mark)) {
        if (System.nanoTime() > until || job.getJobStatus().get().isGloballyTerminalState()) {
          throw new IllegalStateException("no record passed; job is " + job.getJobStatus().get());
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
      return Savepoints.stop(job, directory.resolve("savepoints"), format);
    } catch (Exception e) {
      try {
        job.cancel().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      } catch (Exception ended) {
        // a job that ended took its cluster with it
        e.addSuppressed(ended);
      }
      throw e;
    }
  }

  /** Runs to the end of the trace; gives all outputs since the transcript began. */
  List<TopicRecord> runToEnd(int parallelism) throws Exception {
    StreamExecutionEnvironment environment = environment(parallelism);
    DataStream<TopicRecord> outputs = transcript(environment, "", directory);
    return outputs.executeAndCollect("to-end", MOST_OUTPUTS);
  }

  private StreamExecutionEnvironment environment(int parallelism) {
    return StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
  }

  private DataStream<TopicRecord> transcript(
      StreamExecutionEnvironment environment, String markAt, Path mark) {
    StageReference reference = StageHarness.reference(trace);
    DataStream<TopicRecord> input =
        source(environment, "readings", readings.subList(from, readings.size()), readingPermits)
            .map(new Turnstile(failAt, markAt, mark), TopicRecordType.INSTANCE)
            .setParallelism(1);
    SingleOutputStreamOperator<TopicRecord> results;
    if (models.isEmpty()) {
      results = PipelineJob.operate(trace.stage(), reference, input);
    } else {
      // a source that ended while a savepoint is taken would have it refused: before its end, this
      // one waits; after a restart it gives the last slice again, which the stage knows
      List<TopicRecord> slices =
          from > 0
              ? models.subList(0, 1)
              : Stream.concat(models.stream(), Stream.of(models.get(models.size() - 1))).toList();
      Permits waiting = new Permits(slices.size() - 1, slices.size() - 1);
      DataStream<TopicRecord> versions =
          source(environment, "models", slices, markAt.isEmpty() ? Permits.ALL : waiting)
              .map(new Turnstile("", markAt, mark), TopicRecordType.INSTANCE)
              .setParallelism(1);
      results = PipelineJob.operate(trace.stage(), reference, input, versions);
    }
    return results
        .union(results.getSideOutput(PipelineJob.DEAD_LETTERS))
        .transform("transcript", TopicRecordType.INSTANCE, new Transcript())
        .setParallelism(1)
        .uid(transcript);
  }

  private DataStream<TopicRecord> source(
      StreamExecutionEnvironment environment,
      String uid,
      List<TopicRecord> records,
      Permits permits) {
    DataGeneratorSource<TopicRecord> source =
        new DataGeneratorSource<>(
            new Listed(records),
            new NumberSequenceSource(0, records.size() - 1),
            permits,
            TopicRecordType.INSTANCE);
    return environment
        .fromSource(source, WatermarkStrategy.noWatermarks(), uid)
        .setParallelism(1)
        .uid(uid + "-" + from);
  }

  /** Records by their number. */
  private static final class Listed implements GeneratorFunction<Long, TopicRecord> {
    private static final long serialVersionUID = 1L;

    private final byte[][] records;

    Listed(List<TopicRecord> records) {
      this.records = records.stream().map(TraceJob::bytes).toArray(byte[][]::new);
    }

    @Override
    public TopicRecord map(Long number) throws IOException {
      return TopicRecordSerializer.INSTANCE.deserialize(
          new DataInputDeserializer(records[Math.toIntExact(number)]));
    }
  }

  private static byte[] bytes(TopicRecord record) {
    try {
      DataOutputSerializer out = new DataOutputSerializer(128);
      TopicRecordSerializer.INSTANCE.serialize(record, out);
      return out.getCopyOfBuffer();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
