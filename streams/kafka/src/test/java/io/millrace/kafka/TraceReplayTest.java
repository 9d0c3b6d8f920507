package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.millrace.runtime.ModelShelf;
import io.millrace.runtime.OutputLine;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SingleObject;
import java.time.Instant;
import java.util.ArrayList;
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
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The traces that every engine replays. Kafka's driver has one partition and numbers its records
 * itself from each start on, so a trace is replayed partition by partition, and a dead letter is
 * expected with partition and offset as the driver counts them; all else is the trace's bytes. What
 * one record causes is compared topic by topic: across topics Kafka knows no order.
 */
final class TraceReplayTest {
  private final SingleObject<DeadLetter> letters = SingleObject.of(DeadLetter.class);

  @ParameterizedTest(name = "{0}, restored after every {1} records")
  @CsvSource({
    "sensors, 1000000", "sensors, 1", "sensors, 13",
    "shared, 1000000", "shared, 1", "shared, 13",
    "merge, 1000000", "merge, 1", "merge, 5",
    "window, 1000000", "window, 1", "window, 13",
    "learning, 1000000", "learning, 1", "learning, 5",
    "aggregation, 1000000", "aggregation, 1", "aggregation, 5",
    "control, 1000000", "control, 1", "control, 5",
    "masked-aggregation, 1000000", "masked-aggregation, 1", "masked-aggregation, 5",
    "masked-control, 1000000", "masked-control, 1", "masked-control, 5",
    "mixing, 1000000", "mixing, 1", "mixing, 5"
  })
  void givesTheSameOutputs(String name, int every) {
    Trace trace = Trace.load(name);
    Set<Integer> partitions = new LinkedHashSet<>();
    for (Trace.Event event : trace.events()) {
      if (!trace.isModel(event.record())) {
        partitions.add(event.record().partition());
      }
    }
    partitions.forEach(partition -> replay(trace, partition, every));
  }

  private void replay(Trace trace, int partition, int every) {
    ModelShelf shelf = new ModelShelf(trace.stage().following());
    TreeMap<Bytes, byte[]> changelog = new TreeMap<>();
    TopologyTestDriver driver = driver(trace, shelf, changelog);
    int taken = 0;
    for (int number = 0; number < trace.events().size(); number++) {
      Trace.Event event = trace.events().get(number);
      TopicRecord record = event.record();
      if (trace.isModel(record)) {
        shelf.take(shelf.read(record.value()));
      } else if (record.partition() == partition) {
        pipe(driver, record);
        assertEquals(
            byTopic(trace, event.outputs(), taken % every), read(driver, trace), "event " + number);
        collect(driver, trace, changelog);
        if (++taken % every == 0) {
          driver.close();
          driver = driver(trace, shelf, changelog);
        }
      }
    }
    driver.close();
  }

  private static void pipe(TopologyTestDriver driver, TopicRecord record) {
    driver
        .createInputTopic(record.topic(), new ByteArraySerializer(), new ByteArraySerializer())
        .pipeInput(
            new TestRecord<>(
                record.key(),
                record.value(),
                new RecordHeaders(),
                Instant.ofEpochMilli(record.timestampMillis())));
  }

  /** Every topic of the stage has a list, and be it an empty one. */
  private Map<String, List<OutputLine>> byTopic(
      Trace trace, List<TopicRecord> outputs, long offset) {
    Map<String, List<OutputLine>> lines = new TreeMap<>();
    topics(trace).forEach(topic -> lines.put(topic, new ArrayList<>()));
    for (TopicRecord output : outputs) {
      lines.get(output.topic()).add(OutputLine.of(asTheDriverCounts(trace, output, offset)));
    }
    return lines;
  }

  private TopicRecord asTheDriverCounts(Trace trace, TopicRecord output, long offset) {
    if (!output.topic().equals(trace.pipeline().deadLetterTopic())) {
      return output;
    }
    DeadLetter letter = letters.decode(output.value());
    letter.setPartition(0);
    letter.setOffset(offset);
    return TopicRecord.unwritten(
        output.topic(), output.key(), letters.encode(letter), output.timestampMillis());
  }

  private static Map<String, List<OutputLine>> read(TopologyTestDriver driver, Trace trace) {
    Map<String, List<OutputLine>> lines = new TreeMap<>();
    for (String topic : topics(trace)) {
      List<OutputLine> all = new ArrayList<>();
      for (TestRecord<byte[], byte[]> record : records(driver, topic)) {
        all.add(OutputLine.of(topic, record.key(), record.value(), record.timestamp()));
      }
      lines.put(topic, all);
    }
    return lines;
  }

  private static List<String> topics(Trace trace) {
    List<String> topics = new ArrayList<>(trace.stage().outputTopics().values());
    topics.add(trace.pipeline().deadLetterTopic());
    return topics;
  }

  private static List<TestRecord<byte[], byte[]>> records(TopologyTestDriver driver, String topic) {
    return driver
        .createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer())
        .readRecordsToList();
  }

  private static void collect(
      TopologyTestDriver driver, Trace trace, TreeMap<Bytes, byte[]> changelog) {
    String store = OperatorProcessor.chunkStore(trace.stage());
    for (TestRecord<byte[], byte[]> record : records(driver, "trace-" + store + "-changelog")) {
      if (record.value() == null) {
        changelog.remove(Bytes.wrap(record.key()));
      } else {
        changelog.put(Bytes.wrap(record.key()), record.value());
      }
    }
  }

  /** The stage alone, over what the changelog holds. */
  private static TopologyTestDriver driver(
      Trace trace, ModelShelf shelf, TreeMap<Bytes, byte[]> changelog) {
    Pipeline whole = trace.pipeline();
    Pipeline alone =
        new Pipeline(
            whole.name(),
            whole.family(),
            List.of(trace.stage()),
            whole.deadLetterTopic(),
            whole.topics());
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "trace");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    return new TopologyTestDriver(
        OperatorTopology.build(
            trace.deployment(),
            alone,
            shelf,
            new TaskMeters(new SimpleMeterRegistry(), alone.name()),
            store -> new RestoredStore(store, changelog)),
        properties);
  }
}
