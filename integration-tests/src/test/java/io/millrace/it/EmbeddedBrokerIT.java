package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.millrace.app.broker.EmbeddedBroker;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EmbeddedBrokerIT {
  @TempDir Path directory;

  @Test
  void keepsTopicsAndRecordsWhenItIsStoppedAndStartedAgain() {
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory)) {
      Cluster cluster = new Cluster(broker.bootstrapServers());
      cluster.createTopic("kept", 2, Map.of("cleanup.policy", "compact"));
      writeTransaction(cluster, "kept", "first", true);
    }
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory)) {
      Cluster cluster = new Cluster(broker.bootstrapServers());
      writeTransaction(cluster, "kept", "second", true);

      assertEquals(List.of(hex("first"), hex("second")), onlyKey(cluster, "kept"));
    }
  }

  @Test
  void refusesADirectoryThatIsAFile() throws Exception {
    Path file = java.nio.file.Files.createFile(directory.resolve("file"));

    assertThrows(RuntimeException.class, () -> EmbeddedBroker.start(file));
  }

  @Test
  void comesBackOnItsPortAfterAKillAndHidesWhatWasNotCommitted() {
    try (BrokerProcess broker = BrokerProcess.start(directory)) {
      Cluster cluster = new Cluster(broker.bootstrapServers());
      cluster.createTopic("t", 1, Map.of());
      writeTransaction(cluster, "t", "committed", true);
      writeTransaction(cluster, "t", "open", false);
      String before = broker.bootstrapServers();
      broker.kill();
      broker.restart();
      writeTransaction(cluster, "t", "after", true);

      assertEquals(before, broker.bootstrapServers());
      assertEquals(List.of(hex("committed"), hex("after")), onlyKey(cluster, "t"));
    }
  }

  private static List<String> onlyKey(Cluster cluster, String topic) {
    return cluster.committedByKey(topic).get(hex("key"));
  }

  private static String hex(String text) {
    return Hex.of(text.getBytes(UTF_8));
  }

  /** One transactional writer for all calls: a new one aborts what the one before left open. */
  private static void writeTransaction(
      Cluster cluster, String topic, String value, boolean commit) {
    Map<String, Object> properties = new HashMap<>(cluster.client());
    properties.put("transactional.id", "writer");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, "key".getBytes(UTF_8), value.getBytes(UTF_8)));
      producer.flush();
      if (commit) {
        producer.commitTransaction();
      }
    }
  }
}
