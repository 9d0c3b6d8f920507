package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.replay.KeyedReading;
import io.millrace.app.replay.WsnDataset;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Ten thousand bad records among good ones: none stops the stream, none leaves a trace in it. */
final class BadInputIT {
  private static final Path DIRECTORY = Path.of("target", "it", "bad-input");
  private static final Duration CATCH_UP = Duration.ofSeconds(120);
  private static final int BAD_RECORDS = 10_000;
  private static final int HUGE_RECORDS = 4;
  private static final int PARTITIONS = 3;
  private static final int RECORD_BYTES = 16 << 20;
  private static final String INPUT = "readings";
  private static final String CLEAN_INPUT = "clean-readings";

  private static final TestedPipeline PIPELINE =
      TestedPipeline.sensors(
          "channels: 2",
          "window:",
          "  length: 16",
          // A bad record must not move the time that timers wait for.
          "  idle-flush-millis: 60000",
          "atoms: 48",
          "error-bound: 0.05");

  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;

  @BeforeEach
  void createTopics() throws Exception {
    cluster = broker.cluster();
    Map<String, String> large = Map.of("max.message.bytes", Integer.toString(RECORD_BYTES));
    cluster.createTopic(INPUT, PARTITIONS, large);
    cluster.createTopic(CLEAN_INPUT, PARTITIONS, large);
  }

  @Test
  void everyBadReadingBecomesOneDeadLetterAndNothingElse() throws Exception {
    List<KeyedReading> good = ReadingList.of(new WsnDataset(), 1).readings();
    SingleObject<SensorReading> format = SingleObject.of(SensorReading.class);
    List<KeyValueTrace.Sent> sent = new ArrayList<>();
    good.forEach(
        reading ->
            sent.add(
                new KeyValueTrace.Sent(
                    reading.sensor().getBytes(UTF_8), format.encode(reading.reading()))));
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    BadRecords records = new BadRecords(new Random(seed));
    everyBadRecordBecomesOneDeadLetterAndNothingElse(
        PIPELINE,
        sent,
        (at, number) ->
            number % (BAD_RECORDS / HUGE_RECORDS) == 100
                ? records.huge(good.get(at))
                : records.next(good.get(at)),
        "codes",
        "seed " + seed);
  }

  @Test
  void everyBadBlockBecomesOneDeadLetterAndNothingElse() throws Exception {
    long seed = Long.getLong("millrace.seed", System.nanoTime());
    // ends of sessions are no blocks, and what follows them would be refused for that alone
    List<KeyValueTrace.Sent> good = KeyValueTrace.of(seed).blocks();
    BadBlocks blocks = new BadBlocks(new Random(seed));
    everyBadRecordBecomesOneDeadLetterAndNothingElse(
        TestedPipeline.KEY_VALUES,
        good,
        (at, number) -> blocks.next(good.get(at)),
        "pages",
        "seed " + seed);
  }

  /** Makes a bad record. */
  private interface BadOnes {
    /**
     * @param at place of the good record that was sent last
     * @param number bad records before
     */
    BadRecords.Bad make(int at, int number);
  }

  private void everyBadRecordBecomesOneDeadLetterAndNothingElse(
      TestedPipeline pipeline,
      List<KeyValueTrace.Sent> good,
      BadOnes badOnes,
      String channel,
      String seed)
      throws Exception {
    String context = seed + " (-Dmillrace.seed repeats its records)";
    Map<String, BadRecords.Bad> bad = send(good, badOnes);
    assertEquals(BAD_RECORDS, bad.size(), context);

    Deployment mixed = run("mixed", INPUT, pipeline);
    Deployment clean = run("clean", CLEAN_INPUT, pipeline);

    Outputs expected = Outputs.of(clean);
    assertTrue(expected.count(channel) > 500, context + ": " + expected.count(channel));
    assertEquals(List.of(), cluster.committed(clean.deadLetters()), context);
    Outputs.of(mixed).assertSameAs(expected, context);
    assertDeadLetters(cluster.committed(mixed.deadLetters()), bad, context);
  }

  private Deployment run(String name, String input, TestedPipeline pipeline) {
    Deployment deployment =
        new Deployment(
            name,
            input,
            pipeline,
            PARTITIONS,
            1,
            true,
            DIRECTORY.resolve(name).toAbsolutePath(),
            cluster);
    deployment.createTopics();
    try (JavaProcess app = deployment.start(0)) {
      Await.until(
          () -> name + " catches up, lag " + deployment.lag() + "\n" + app.logTail(),
          CATCH_UP,
          () -> {
            assertTrue(app.isAlive(), () -> "the process ended by itself\n" + app.logTail());
            return deployment.lag() == 0;
          });
      app.stop(Duration.ofSeconds(60));
    }
    return deployment;
  }

  /** Good records into both topics, bad ones between them into one. By partition and offset. */
  private Map<String, BadRecords.Bad> send(List<KeyValueTrace.Sent> good, BadOnes badOnes)
      throws Exception {
    List<BadRecords.Bad> sent = new ArrayList<>();
    List<Future<RecordMetadata>> places = new ArrayList<>();
    Map<String, Object> properties = new HashMap<>(cluster.client());
    properties.put("max.request.size", RECORD_BYTES);
    properties.put("buffer.memory", 64L << 20);
    properties.put("compression.type", "lz4");
    properties.put("linger.ms", 10);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < good.size(); i++) {
        byte[] key = good.get(i).key();
        byte[] value = good.get(i).value();
        producer.send(new ProducerRecord<>(INPUT, key, value));
        producer.send(new ProducerRecord<>(CLEAN_INPUT, key, value));
        // Spread over the whole input by exact proportion.
        long due = (long) (i + 1) * BAD_RECORDS / good.size();
        while (sent.size() < due) {
          BadRecords.Bad bad = badOnes.make(i, sent.size());
          sent.add(bad);
          places.add(producer.send(new ProducerRecord<>(INPUT, bad.key(), bad.value())));
        }
      }
    }
    return byPlace(sent, places);
  }

  private static Map<String, BadRecords.Bad> byPlace(
      List<BadRecords.Bad> sent, List<Future<RecordMetadata>> places)
      throws ExecutionException, InterruptedException {
    Map<String, BadRecords.Bad> byPlace = new HashMap<>();
    for (int i = 0; i < sent.size(); i++) {
      RecordMetadata place = places.get(i).get();
      byPlace.put(place.partition() + ":" + place.offset(), sent.get(i));
    }
    return byPlace;
  }

  private static void assertDeadLetters(
      List<ConsumerRecord<byte[], byte[]>> letters,
      Map<String, BadRecords.Bad> bad,
      String context) {
    SingleObject<DeadLetter> format = SingleObject.of(DeadLetter.class);
    Map<String, BadRecords.Bad> open = new HashMap<>(bad);
    for (ConsumerRecord<byte[], byte[]> record : letters) {
      DeadLetter letter = format.decode(record.value());
      String place = letter.getPartition() + ":" + letter.getOffset();
      BadRecords.Bad original = open.remove(place);
      String about = context + ": " + letter.getReason() + ", " + letter.getMessage();
      assertNotNull(original, about + ": letter for a good record or a second one, " + place);
      assertEquals(original.reason().name(), letter.getReason(), about + ": " + original.kind());
      assertEquals(INPUT, letter.getTopic(), about);
      assertArrayEquals(original.key(), bytesOrNull(letter.getKey()), about + ": key");
      assertValue(original.value(), letter, about);
      assertTrue(letter.getMessage().length() > 10, about);
    }
    assertEquals(Map.of(), open, context + ": bad records without a dead letter");
  }

  private static void assertValue(byte[] original, DeadLetter letter, String about) {
    if (original == null) {
      assertNull(letter.getValue(), about);
      assertEquals(-1, letter.getValueBytes(), about);
      return;
    }
    assertEquals(original.length, letter.getValueBytes(), about);
    byte[] kept = bytesOrNull(letter.getValue());
    assertTrue(kept.length <= original.length && kept.length <= 1 << 20, about);
    boolean small = original.length <= 1024;
    assertTrue(kept.length == original.length || !small, about + ": kept " + kept.length);
    assertArrayEquals(Arrays.copyOf(original, kept.length), kept, about + ": value");
  }

  private static byte[] bytesOrNull(ByteBuffer buffer) {
    if (buffer == null) {
      return null;
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
