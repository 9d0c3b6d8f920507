package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.app.replay.EcgDataset;
import io.millrace.app.replay.KeyedReading;
import io.millrace.app.replay.ReadingCursor;
import io.millrace.app.replay.ReplayCommand;
import io.millrace.app.replay.WsnDataset;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class ReplayIT {
  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Cluster cluster;

  private record Outcome(int exit, String out, String err) {}

  @BeforeAll
  static void startBroker() {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void sendsEveryReadingOfAShippedSetInOrder() throws Exception {
    cluster.createTopic("ecg", 4, Map.of());
    Outcome outcome = replay("ecg", "--topic", "ecg");

    assertEquals(0, outcome.exit, outcome.err);
    SingleObject<SensorReading> format = SingleObject.of(SensorReading.class);
    List<ConsumerRecord<byte[], byte[]>> records = cluster.committed("ecg");
    assertEquals(EcgDataset.READINGS, records.size());
    try (ReadingCursor expected = new EcgDataset().open()) {
      for (ConsumerRecord<byte[], byte[]> record : records) {
        assertEquals(EcgDataset.SENSOR, new String(record.key(), UTF_8));
        assertEquals(expected.next().reading(), format.decode(record.value()));
      }
    }
  }

  @Test
  void keepsEachSensorsOrderOverPartitions() throws Exception {
    cluster.createTopic("wsn", 3, Map.of());
    Outcome outcome = replay("wsn", "--topic", "wsn", "--repeat", "2");

    assertEquals(0, outcome.exit, outcome.err);
    SingleObject<SensorReading> format = SingleObject.of(SensorReading.class);
    Map<String, List<Long>> micros = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed("wsn")) {
      micros
          .computeIfAbsent(new String(record.key(), UTF_8), key -> new ArrayList<>())
          .add(format.decode(record.value()).getTimeMicros());
    }
    assertEquals(8, micros.size());
    assertEquals(2 * WsnDataset.READINGS, micros.values().stream().mapToInt(List::size).sum());
    try (ReadingCursor first = new WsnDataset().open()) {
      KeyedReading reading = first.next();
      assertEquals(reading.reading().getTimeMicros(), micros.get(reading.sensor()).get(0));
    }
    micros.forEach(
        (sensor, times) -> assertEquals(times.stream().sorted().distinct().toList(), times));
  }

  @Test
  void namesBadRowsAndEndsWithACodeOfItsOwn() throws Exception {
    cluster.createTopic("rows", 1, Map.of());
    Path file = directory.resolve("rows.csv");
    Files.writeString(file, "time,v\n1,1\n2,oops\n3,3\n");
    Path json = directory.resolve("rows.json");
    Outcome outcome = replay(file.toString(), "--topic", "rows", "--json", json.toString());

    assertEquals(3, outcome.exit);
    assertTrue(outcome.err.contains("bad row, line 3: column v is \"oops\""), outcome.err);
    assertTrue(outcome.out.contains("2 of 2 readings acknowledged"), outcome.out);
    assertTrue(Files.readString(json).contains("\"badRows\" : 1"), Files.readString(json));
    assertEquals(2, cluster.committed("rows").size());
  }

  @Test
  void saysThatATopicIsMissingInsteadOfCreatingIt() {
    Outcome outcome = replay("ecg", "--topic", "absent");

    assertEquals(1, outcome.exit);
    assertTrue(outcome.err.contains("topic absent does not exist"), outcome.err);
  }

  @Test
  void refusesAFileThatIsNotThere() {
    Outcome outcome = replay("absent.csv", "--topic", "ecg");

    assertEquals(2, outcome.exit);
    assertTrue(outcome.err.contains("absent.csv is no readable file"), outcome.err);
  }

  private static Outcome replay(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--bootstrap-servers", broker.bootstrapServers()));
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit =
        new CommandLine(new ReplayCommand())
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(all.toArray(new String[0]));
    return new Outcome(exit, out.toString(), err.toString());
  }
}
