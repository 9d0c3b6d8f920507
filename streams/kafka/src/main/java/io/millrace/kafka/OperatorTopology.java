package io.millrace.kafka;

import io.millrace.operator.Models;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;

/**
 * A pipeline as a Kafka Streams topology: for each stage a source, an operator with its two stores,
 * a sink per channel and one for dead letters.
 */
public final class OperatorTopology {
  private static final ByteArrayDeserializer BYTES_IN = new ByteArrayDeserializer();
  private static final ByteArraySerializer BYTES_OUT = new ByteArraySerializer();

  private OperatorTopology() {}

  /** The topology of a pipeline. Models are followed through {@code models}. */
  static Topology build(
      Deployment deployment, Pipeline pipeline, Models models, TaskMeters meters) {
    return build(deployment, pipeline, models, meters, Stores::persistentKeyValueStore);
  }

  /**
   * @param pipeline of the deployment
   * @param chunks makes the store that lies under a stage's changelog, from its name
   */
  static Topology build(
      Deployment deployment,
      Pipeline pipeline,
      Models models,
      TaskMeters meters,
      Function<String, KeyValueBytesStoreSupplier> chunks) {
    Topology topology = new Topology();
    for (Stage stage : pipeline.stages()) {
      String source = stage.name() + "-source";
      String operator = stage.name() + "-operator";
      topology.addSource(
          AutoOffsetReset.earliest(),
          source,
          new RecordTime(),
          BYTES_IN,
          BYTES_IN,
          stage.inputTopic());
      topology.addProcessor(
          operator, () -> processor(deployment, pipeline, stage, models, meters), source);
      topology.addStateStore(KeeperStore.builder(OperatorProcessor.keeperStore(stage)), operator);
      topology.addStateStore(
          Stores.keyValueStoreBuilder(
                  chunks.apply(OperatorProcessor.chunkStore(stage)),
                  Serdes.Bytes(),
                  Serdes.ByteArray())
              .withLoggingEnabled(Map.of())
              .withCachingDisabled(),
          operator);
      stage
          .outputTopics()
          .forEach(
              (channel, topic) ->
                  topology.addSink(
                      sink(stage, channel),
                      topic,
                      BYTES_OUT,
                      BYTES_OUT,
                      new KeyPartitions(pipeline.partitioning(topic)),
                      operator));
      topology.addSink(
          deadLetterSink(stage), pipeline.deadLetterTopic(), BYTES_OUT, BYTES_OUT, operator);
    }
    return topology;
  }

  static String sink(Stage stage, String channel) {
    return stage.name() + "-" + channel;
  }

  static String deadLetterSink(Stage stage) {
    return stage.name() + "-dead-letters";
  }

  private static Processor<byte[], byte[], byte[], byte[]> processor(
      Deployment deployment, Pipeline pipeline, Stage stage, Models models, TaskMeters meters) {
    return capture(deployment, pipeline, stage, stage.spec().get(), models, meters);
  }

  private static <I, S, O> OperatorProcessor<I, S, O> capture(
      Deployment deployment,
      Pipeline pipeline,
      Stage stage,
      OperatorSpec<I, S, O> spec,
      Models models,
      TaskMeters meters) {
    return new OperatorProcessor<>(deployment, pipeline, stage, spec, models, meters);
  }
}
