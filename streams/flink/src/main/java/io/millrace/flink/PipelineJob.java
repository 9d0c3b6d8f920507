package io.millrace.flink;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.Deployment.Guarantee;
import io.millrace.runtime.Partitioning;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import io.millrace.runtime.TopicRecord;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.OutputTag;

/**
 * A pipeline as a Flink job: for each stage a source, an operator keyed by the source's partition,
 * a sink for results, one for dead letters, and the model topic broadcast to whoever follows it.
 */
final class PipelineJob {
  static final OutputTag<TopicRecord> DEAD_LETTERS =
      new OutputTag<>("dead-letters", TopicRecordType.INSTANCE);

  /** Client settings that suit streams of small records; a deployment's own come over these. */
  private static final Map<String, String> PRODUCER =
      Map.of(
          "linger.ms",
          "20",
          "batch.size",
          "131072",
          "compression.type",
          "lz4",
          // a broker's default maximum: how long a job may be down without losing what it prepared
          "transaction.timeout.ms",
          "900000");

  private static final Map<String, String> CONSUMER =
      Map.of("max.poll.records", "2000", "isolation.level", "read_committed");

  private final StreamExecutionEnvironment environment;
  private final Deployment deployment;
  private final String name;

  private PipelineJob(
      StreamExecutionEnvironment environment, Deployment deployment, String pipeline) {
    this.environment = environment;
    this.deployment = deployment;
    this.name = name(deployment, pipeline);
  }

  /** Name of a pipeline's job; also its consumer group, and prefix of its transactions. */
  static String name(Deployment deployment, String pipeline) {
    return deployment.name() + "-" + pipeline;
  }

  /** Adds a pipeline to an environment. */
  static void build(
      StreamExecutionEnvironment environment, Deployment deployment, Pipeline pipeline) {
    PipelineJob job = new PipelineJob(environment, deployment, pipeline.name());
    List<Stage> stages = pipeline.stages();
    for (int stage = 0; stage < stages.size(); stage++) {
      job.add(
          stages.get(stage),
          new StageReference(deployment.source(), pipeline.name(), stage),
          pipeline);
    }
  }

  /** Adds a copy of a topic to an environment. */
  static void buildCopy(
      StreamExecutionEnvironment environment, Deployment deployment, String from, String to) {
    PipelineJob job = new PipelineJob(environment, deployment, "copy");
    job.write(
        job.read("copy-input", from)
            .map(
                record ->
                    TopicRecord.unwritten(
                        to, record.key(), record.value(), record.timestampMillis()),
                TopicRecordType.INSTANCE),
        "copy-output",
        Map.of(to, Partitioning.ANY));
  }

  private void add(Stage stage, StageReference reference, Pipeline pipeline) {
    DataStream<TopicRecord> input = read(stage.name() + "-input", stage.inputTopic());
    SingleOutputStreamOperator<TopicRecord> results =
        stage.following().isNothing()
            ? operate(stage, reference, input)
            : operate(
                stage,
                reference,
                input,
                read(stage.name() + "-models", stage.following().topic()).setParallelism(1));
    Map<String, Partitioning> outputs = new TreeMap<>();
    stage
        .outputTopics()
        .values()
        .forEach(topic -> outputs.put(topic, pipeline.partitioning(topic)));
    write(results, stage.name() + "-output", outputs);
    write(
        results.getSideOutput(DEAD_LETTERS),
        stage.name() + "-dead-letters",
        Map.of(pipeline.deadLetterTopic(), Partitioning.ANY));
  }

  /** The operator of a stage that follows no models. */
  static SingleOutputStreamOperator<TopicRecord> operate(
      Stage stage, StageReference reference, DataStream<TopicRecord> input) {
    return byPartition(input)
        .transform(
            stage.name(), TopicRecordType.INSTANCE, new StageOperatorFactory(reference, false))
        .uid(stage.name());
  }

  /**
   * The operator of a stage that follows models.
   *
   * @param models in the order of their topic, from one task
   */
  static SingleOutputStreamOperator<TopicRecord> operate(
      Stage stage,
      StageReference reference,
      DataStream<TopicRecord> input,
      DataStream<TopicRecord> models) {
    return byPartition(input)
        .connect(models.broadcast())
        .transform(
            stage.name(), TopicRecordType.INSTANCE, new StageOperatorFactory(reference, true))
        .uid(stage.name());
  }

  private static KeyedStream<TopicRecord, Long> byPartition(DataStream<TopicRecord> input) {
    int keyGroups = input.getExecutionEnvironment().getMaxParallelism();
    return input.keyBy(new PartitionKeys(keyGroups), Types.LONG);
  }

  private SingleOutputStreamOperator<TopicRecord> read(String uid, String topic) {
    Properties properties = new Properties();
    properties.putAll(CONSUMER);
    properties.putAll(KafkaClassNames.translate(deployment.kafka()));
    KafkaSource<TopicRecord> source =
        KafkaSource.<TopicRecord>builder()
            .setProperties(properties)
            .setTopics(topic)
            .setGroupId(name)
            .setClientIdPrefix(name + "-" + uid)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new TopicRecordReader())
            .build();
    return environment.fromSource(source, WatermarkStrategy.noWatermarks(), uid).uid(uid);
  }

  private void write(
      DataStream<TopicRecord> records, String uid, Map<String, Partitioning> topics) {
    Properties properties = new Properties();
    properties.putAll(PRODUCER);
    properties.putAll(KafkaClassNames.translate(deployment.kafka()));
    KafkaSink<TopicRecord> sink =
        KafkaSink.<TopicRecord>builder()
            .setKafkaProducerConfig(properties)
            .setBootstrapServers(deployment.kafka().get("bootstrap.servers"))
            .setDeliveryGuarantee(
                deployment.engine().guarantee() == Guarantee.EXACTLY_ONCE
                    ? DeliveryGuarantee.EXACTLY_ONCE
                    : DeliveryGuarantee.AT_LEAST_ONCE)
            .setTransactionalIdPrefix(name + "-" + uid)
            .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
            .setRecordSerializer(new TopicRecordWriter(topics))
            .build();
    records.sinkTo(new ClosingKafkaSink(sink)).name(uid).uid(uid);
  }
}
