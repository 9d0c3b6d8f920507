package io.millrace.flink.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;

/**
 * A SQL session on a cluster in this process, with the table {@code readings} of {@link SensorRows}
 * and the functions under their names.
 */
final class SqlSession {
  /** What the sinks of this process have got; one test runs at a time. */
  private static final Queue<Row> RESULTS = new ConcurrentLinkedQueue<>();

  private static volatile boolean hasFailed;

  /** What happens to the readings when half of them have passed. */
  enum Obstacle {
    NONE,
    /** They slow down, so that there is time to stop the job. */
    TRICKLE,
    /** They slow down until a checkpoint is complete, then the job fails once. */
    FAILURE
  }

  private static final TypeInformation<Row> ROW =
      Types.ROW_NAMED(
          new String[] {"sensor", "event_time", "celsius", "humidity"},
          Types.STRING,
          Types.INSTANT,
          Types.FLOAT,
          Types.DOUBLE);

  private final StreamExecutionEnvironment environment;
  private final StreamTableEnvironment tables;

  /**
   * @param obstacle what meets the readings on their way
   */
  SqlSession(Map<String, String> configuration, Obstacle obstacle) {
    hasFailed = false;
    environment =
        StreamExecutionEnvironment.getExecutionEnvironment(Configuration.fromMap(configuration));
    tables = StreamTableEnvironment.create(environment);
    GeneratorFunction<Long, Row> readings = SensorRows::row;
    DataStream<Row> source =
        environment
            .fromSource(
                new DataGeneratorSource<>(
                    readings, SensorRows.COUNT, RateLimiterStrategy.noOp(), ROW),
                WatermarkStrategy.noWatermarks(),
                "readings")
            .uid("readings")
            .setParallelism(1)
            .map(new Halfway(obstacle), ROW)
            .uid("halfway")
            .setParallelism(1);
    tables.createTemporaryView(
        "readings",
        source,
        Schema.newBuilder()
            .column("sensor", "STRING")
            .column("event_time", "TIMESTAMP_LTZ(3)")
            .column("celsius", "FLOAT")
            .column("humidity", "DOUBLE")
            .watermark("event_time", "event_time - INTERVAL '1' SECOND")
            .build());
    tables.createTemporarySystemFunction("LEARN_DICTIONARY", LearnDictionary.class);
    tables.createTemporarySystemFunction("RESTORE_WINDOW", RestoreWindow.class);
    tables.createTemporarySystemFunction("DECODE_READING", DecodeReading.class);
  }

  SqlSession() {
    this(Map.of("parallelism.default", "1"), Obstacle.NONE);
  }

  StreamTableEnvironment tables() {
    return tables;
  }

  /** Runs a bounded query to its end. */
  List<Row> rows(String query) {
    List<Row> rows = new ArrayList<>();
    tables.executeSql(query).collect().forEachRemaining(rows::add);
    return rows;
  }

  /** Starts a query as a job whose rows come to {@link #results}. */
  JobClient start(String query) throws Exception {
    RESULTS.clear();
    tables.toDataStream(tables.sqlQuery(query)).sinkTo(new Results()).uid("results");
    return environment.executeAsync();
  }

  /** Rows of the job so far. */
  static List<Row> results() {
    return List.copyOf(RESULTS);
  }

  /** Whether the job has failed. */
  static boolean hasFailed() {
    return hasFailed;
  }

  /** Rows as text by sensor, in order; see {@link DirectRun#text}. */
  static Map<String, List<String>> bySensor(List<Row> rows) {
    Map<String, List<String>> bySensor = new TreeMap<>();
    for (Row row : rows) {
      bySensor
          .computeIfAbsent(row.getFieldAs("sensor"), name -> new ArrayList<>())
          .add(DirectRun.text(row));
    }
    return bySensor;
  }

  private static final class Halfway implements MapFunction<Row, Row>, CheckpointListener {
    private static final long serialVersionUID = 1L;

    private final Obstacle obstacle;
    private long rows;
    private boolean checkpointed;

    Halfway(Obstacle obstacle) {
      this.obstacle = obstacle;
    }

    @Override
    public Row map(Row row) throws InterruptedException {
      rows++;
      if (rows < SensorRows.COUNT / 2 || obstacle == Obstacle.NONE || hasFailed) {
        return row;
      }
      if (obstacle == Obstacle.FAILURE && checkpointed) {
        hasFailed = true;
        throw new IllegalStateException("planted failure");
      }
      // a pace, not a wait: on a busy machine, too, the readings outlast what is to happen
      TimeUnit.MILLISECONDS.sleep(20);
      return row;
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      checkpointed = true;
    }
  }

  private static final class Results implements Sink<Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public SinkWriter<Row> createWriter(WriterInitContext context) {
      return new SinkWriter<>() {
        @Override
        public void write(Row row, Context place) {
          RESULTS.add(row);
        }

        @Override
        public void flush(boolean end) {}

        @Override
        public void close() {}
      };
    }
  }
}
