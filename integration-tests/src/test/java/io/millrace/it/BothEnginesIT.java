package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.KeyedReading;
import io.millrace.app.replay.WsnDataset;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** One pipeline file, one broker, both engines one after the other: the same records. */
final class BothEnginesIT {
  private static final Path DIRECTORY = Path.of("target", "it", "both-engines");
  private static final Duration STOP = Duration.ofSeconds(180);
  private static final int PARTITIONS = 4;
  private static final int BAD_EVERY = 20;
  private static final String INPUT = "readings";

  private static final String NO_BYTES = "none";
  private static final int ANY_PARTITION = -1;

  private static final List<String> CHANNELS =
      List.of("codes", "anomalies", "dictionaries", "dead-letters");

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  /** What readers see of a record beside its key and offset, the value as comparable text. */
  private record Seen(int partition, long timestampMillis, String value) {}

  @BeforeEach
  void createTopics() {
    cluster = broker.cluster();
    cluster.createTopic(INPUT, PARTITIONS, Map.of());
  }

  @Test
  void writeTheSameKeysValuesAndTimestamps() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    String context = "seed " + seed + " (-Dmillrace.seed repeats its records)";
    int bad = send(new Random(seed));
    Deployment deployment =
        new Deployment(
            "both",
            INPUT,
            TestedPipeline.SENSORS,
            PARTITIONS,
            2,
            true,
            DIRECTORY.resolve("both").toAbsolutePath(),
            cluster);
    deployment.createTopics();

    run(deployment, deployment.start(0));
    Map<String, Map<TopicPartition, Long>> borders = new HashMap<>();
    CHANNELS.forEach(channel -> borders.put(channel, cluster.ends(deployment.topic(channel))));
    // Flink reads from the start by itself; only this test's view of its progress is in the way.
    Await.until(
        "the first run's group is empty",
        STOP,
        () -> {
          cluster.forget(deployment.group());
          return true;
        });
    run(deployment, deployment.startFlink(0));

    for (String channel : CHANNELS) {
      List<ConsumerRecord<byte[], byte[]>> records = cluster.committed(deployment.topic(channel));
      Map<TopicPartition, Long> border = borders.get(channel);
      Map<String, List<Seen>> kafkaStreams = byKey(records, border, true);
      Map<String, List<Seen>> flink = byKey(records, border, false);
      assertTrue(!kafkaStreams.isEmpty(), context + ": nothing in " + channel);
      assertEquals(kafkaStreams.keySet(), flink.keySet(), context + ": keys of " + channel);
      kafkaStreams.forEach(
          (key, seen) ->
              assertEquals(seen, flink.get(key), () -> context + ": " + channel + " of " + key));
      long count = kafkaStreams.values().stream().mapToLong(List::size).sum();
      System.out.println(channel + ": " + count + " records from either engine");
      if (channel.equals("dead-letters")) {
        assertEquals(bad, count, context);
      }
    }
  }

  /** On one side of the border between the runs. */
  private static Map<String, List<Seen>> byKey(
      List<ConsumerRecord<byte[], byte[]>> records,
      Map<TopicPartition, Long> border,
      boolean before) {
    Map<String, List<Seen>> byKey = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      TopicPartition partition = new TopicPartition(record.topic(), record.partition());
      if (record.offset() < border.get(partition) == before) {
        int place = record.key() == null ? ANY_PARTITION : record.partition();
        byKey
            .computeIfAbsent(text(record.key()), key -> new ArrayList<>())
            .add(new Seen(place, record.timestamp(), text(record.value())));
      }
    }
    // Without a key a record goes to any partition: there is no order to keep.
    byKey.computeIfPresent(
        NO_BYTES, (key, seen) -> seen.stream().sorted(Comparator.comparing(Seen::value)).toList());
    return byKey;
  }

  private static String text(byte[] bytesOrNull) {
    return bytesOrNull == null ? NO_BYTES : Hex.of(bytesOrNull);
  }

  private static void run(Deployment deployment, JavaProcess started) {
    try (JavaProcess app = started) {
      deployment.awaitCaughtUp(app);
      app.stop(STOP);
    }
  }

  /** Good readings and bad records among them; returns the number of bad ones. */
  private int send(Random random) {
    BadRecords records = new BadRecords(random);
    SingleObject<SensorReading> format = SingleObject.of(SensorReading.class);
    Map<String, Object> properties = new HashMap<>(cluster.client());
    properties.put("linger.ms", 10);
    int bad = 0;
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      int sent = 0;
      for (KeyedReading reading : ReadingList.of(new WsnDataset(), 1).readings()) {
        byte[] key = reading.sensor().getBytes(UTF_8);
        producer.send(new ProducerRecord<>(INPUT, key, format.encode(reading.reading())));
        if (++sent % BAD_EVERY == 0) {
          BadRecords.Bad next = records.next(reading);
          producer.send(new ProducerRecord<>(INPUT, next.key(), next.value()));
          bad++;
        }
      }
    }
    return bad;
  }
}
