package io.millrace.kafka;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.millrace.operator.Models;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Deployment.EngineSettings;
import io.millrace.runtime.Deployment.Guarantee;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.test.TestRecord;

/**
 * A pipeline in Kafka's broker-free driver, which commits after every record. A restart throws the
 * topology and its stores away and starts another one from what the changelog topics hold.
 */
final class PipelineDriver implements AutoCloseable {
  private static final String APPLICATION = "test";

  /** One record of an output topic, comparable by content. */
  record Output(String topic, String key, Bytes value, long timeMillis) {}

  final Pipeline pipeline;
  final MeterRegistry registry = new SimpleMeterRegistry();
  final List<Output> outputs = new ArrayList<>();

  /** Contents of the changelog topics after compaction, by store. */
  final Map<String, TreeMap<Bytes, byte[]>> changelogs = new TreeMap<>();

  private final Deployment deployment;
  private final Models models;
  private final boolean persistent;
  private final Set<String> topics = new LinkedHashSet<>();
  private int changelogRecords;
  private TopologyTestDriver driver;
  private TestInputTopic<byte[], byte[]> input;

  PipelineDriver(String pipelineYaml, Models models) {
    this(pipelineYaml, models, 1 << 30, false);
  }

  /**
   * @param persistent RocksDB under the changelog; such a driver is not restarted
   */
  PipelineDriver(String pipelineYaml, Models models, long heapBudgetBytes, boolean persistent) {
    Deployment parsed =
        Deployment.parse(
            "test.yaml",
            "name: test\nkafka: {bootstrap.servers: 'none:1'}\npipelines:\n  - " + pipelineYaml,
            Map.of());
    this.pipeline = parsed.pipelines().get(0);
    this.deployment =
        new Deployment(
            parsed.name(),
            parsed.kafka(),
            parsed.engines(),
            parsed.stateDirectory(),
            new EngineSettings(
                1, 100, 4096, heapBudgetBytes, 64 * 1024, 256, Guarantee.EXACTLY_ONCE),
            parsed.dashboard(),
            parsed.partitions(),
            parsed.replication(),
            parsed.pipelines(),
            parsed.source());
    this.models = models;
    this.persistent = persistent;
    pipeline.stages().forEach(stage -> topics.addAll(stage.outputTopics().values()));
    topics.add(pipeline.deadLetterTopic());
    for (Stage stage : pipeline.stages()) {
      changelogs.put(OperatorProcessor.chunkStore(stage), new TreeMap<>());
    }
    open();
  }

  void pipe(byte[] key, byte[] value, long timeMillis) {
    pipe(input, key, value, timeMillis);
  }

  /** A record of a channel other than the input, as if somebody else had written it. */
  void pipeTo(String channel, byte[] key, byte[] value, long timeMillis) {
    pipe(input(channel), key, value, timeMillis);
  }

  private void pipe(
      TestInputTopic<byte[], byte[]> topic, byte[] key, byte[] value, long timeMillis) {
    topic.pipeInput(
        new TestRecord<>(key, value, new RecordHeaders(), Instant.ofEpochMilli(timeMillis)));
    collect();
  }

  private TestInputTopic<byte[], byte[]> input(String channel) {
    return driver.createInputTopic(
        topic(channel), new ByteArraySerializer(), new ByteArraySerializer());
  }

  void restart() {
    driver.close();
    open();
  }

  List<Output> outputs(String channel) {
    String topic = channel.equals("dead-letters") ? pipeline.deadLetterTopic() : topic(channel);
    return outputs.stream().filter(output -> output.topic().equals(topic)).toList();
  }

  String topic(String channel) {
    return pipeline.topic(channel);
  }

  /** Records written to the changelogs since the last call. */
  int takeChangelogRecords() {
    int count = changelogRecords;
    changelogRecords = 0;
    return count;
  }

  double gauge(String name) {
    return registry.get(name).gauge().value();
  }

  double counter(String name, String... tags) {
    return registry.get(name).tags(tags).counter().count();
  }

  @Override
  public void close() {
    driver.close();
  }

  private void open() {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, APPLICATION);
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    properties.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, SmallRocksDb.class);
    driver =
        new TopologyTestDriver(
            OperatorTopology.build(
                deployment,
                pipeline,
                models,
                new TaskMeters(registry, pipeline.name()),
                persistent
                    ? Stores::persistentKeyValueStore
                    : store -> new RestoredStore(store, changelogs.get(store))),
            properties);
    input = input("input");
    collect();
  }

  private void collect() {
    for (String topic : topics) {
      for (TestRecord<byte[], byte[]> record : read(topic)) {
        String key = record.key() == null ? null : new String(record.key());
        outputs.add(new Output(topic, key, Bytes.wrap(record.value()), record.timestamp()));
      }
    }
    changelogs.forEach(
        (store, contents) -> {
          for (TestRecord<byte[], byte[]> record : read(APPLICATION + "-" + store + "-changelog")) {
            changelogRecords++;
            if (record.value() == null) {
              contents.remove(Bytes.wrap(record.key()));
            } else {
              contents.put(Bytes.wrap(record.key()), record.value());
            }
          }
        });
  }

  private List<TestRecord<byte[], byte[]>> read(String topic) {
    return driver
        .createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
        .readRecordsToList();
  }

  /** Content of the changelogs that two drivers can be compared by. */
  Map<String, List<String>> state() {
    Map<String, List<String>> state = new TreeMap<>();
    changelogs.forEach(
        (store, contents) ->
            state.put(
                store,
                contents.entrySet().stream()
                    .map(entry -> entry.getKey() + "=" + Arrays.hashCode(entry.getValue()))
                    .toList()));
    return state;
  }
}
