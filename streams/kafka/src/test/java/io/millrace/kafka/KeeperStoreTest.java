package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.internals.InMemoryKeyValueStore;
import org.junit.jupiter.api.Test;

/** Pins the one internal call of Kafka Streams that exactly-once state rests on. */
final class KeeperStoreTest {
  private static final byte[] KEY = {'k'};

  private final List<String> events = new ArrayList<>();

  @Test
  void isCalledAtEachCommitBeforeTheStoresCommit() {
    try (TopologyTestDriver driver = driver()) {
      pipe(driver);
      assertEquals(List.of("process", "flush", "commit"), distinct());
      events.clear();
      pipe(driver);
      assertEquals(List.of("process", "flush", "commit"), distinct());
    }
  }

  @Test
  void putsWhatItWritesIntoTheTransactionOfTheRecord() {
    try (TopologyTestDriver driver = driver()) {
      var changelog =
          driver.createOutputTopic(
              "test-chunks-changelog", new ByteArrayDeserializer(), new ByteArrayDeserializer());
      for (byte record = 1; record < 5; record++) {
        pipe(driver);
        // one record later would mean that it fell into the next transaction
        assertEquals(record, changelog.readKeyValue().value[0]);
        assertTrue(changelog.isEmpty());
      }
    }
  }

  @Test
  void callsNothingBeforeAProcessorHasSaidWhatToCall() {
    KeeperStore store = KeeperStore.builder("keeper").build();
    store.flushCache();
    List<String> calls = new ArrayList<>();
    store.beforeCommit(() -> calls.add("flush"));
    store.flushCache();
    store.close();
    store.flushCache();
    assertEquals(List.of("flush"), calls);
  }

  @Test
  void writesStateInTheTransactionOfItsReading() {
    String pipeline = "{name: p, window: {length: 4}, atoms: 8}";
    try (PipelineDriver driver = new PipelineDriver(pipeline, Models.NONE)) {
      for (Readings.Reading reading : Readings.of(1, 10, 0, 1)) {
        driver.pipe(reading.key(), reading.value(), reading.timeMillis());
        assertTrue(driver.takeChangelogRecords() > 0, "at " + reading.timeMillis());
      }
    }
  }

  /** Events without repetitions: a store may be asked more than once. */
  private List<String> distinct() {
    return events.stream().distinct().toList();
  }

  private static void pipe(TopologyTestDriver driver) {
    driver
        .createInputTopic("in", new ByteArraySerializer(), new ByteArraySerializer())
        .pipeInput(KEY, KEY);
  }

  private TopologyTestDriver driver() {
    Topology topology = new Topology();
    topology.addSource("source", new ByteArrayDeserializer(), new ByteArrayDeserializer(), "in");
    topology.addProcessor("counter", Counter::new, "source");
    topology.addStateStore(KeeperStore.builder("keeper"), "counter");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(new Recording(), Serdes.Bytes(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of())
            .withCachingDisabled(),
        "counter");
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    return new TopologyTestDriver(topology, properties);
  }

  /** Counts on the heap, writes the count when the keeper store says so. */
  private final class Counter implements Processor<byte[], byte[], byte[], byte[]> {
    private byte count;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      KeyValueStore<Bytes, byte[]> chunks = context.getStateStore("chunks");
      KeeperStore keeper = context.getStateStore("keeper");
      keeper.beforeCommit(
          () -> {
            events.add("flush");
            if (count > 0) {
              chunks.put(Bytes.wrap(KEY), new byte[] {count});
            }
          });
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      events.add("process");
      count++;
    }
  }

  private final class Recording implements KeyValueBytesStoreSupplier {
    @Override
    public String name() {
      return "chunks";
    }

    @Override
    public String metricsScope() {
      return "recording";
    }

    @Override
    public KeyValueStore<Bytes, byte[]> get() {
      return new InMemoryKeyValueStore(name()) {
        @Override
        public void commit(Map<TopicPartition, Long> offsets) {
          events.add("commit");
          super.commit(offsets);
        }
      };
    }
  }
}
