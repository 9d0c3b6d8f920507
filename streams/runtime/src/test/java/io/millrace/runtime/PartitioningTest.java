package io.millrace.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PartitioningTest {

  @Test
  void spreadsAModelsChunksWhateverItsName() {
    for (String model : List.of("m", "plant.turbine", "digits:1")) {
      for (int chunk = 0; chunk < 12; chunk++) {
        assertEquals(OptionalInt.of(chunk % 5), place(String.format("%s/%06d", model, chunk), 5));
      }
    }
    assertEquals(OptionalInt.of(999_999 % 64), place("m/999999", 64));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "m",
        "000001",
        "/000001",
        "m/00001",
        "m/0000001",
        "m/-00001",
        "m/00000a",
        "a/m/000001",
        "m 000001"
      })
  void hasNoPlaceForKeysWithoutAChunk(String key) {
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> place(key, 4), key);
    assertEquals(Reason.BAD_KEY, refusal.reason());
    assertTrue(refusal.getMessage().contains("6 digits"), refusal.getMessage());
  }

  @Test
  void leavesKeysOfOtherTopicsAlone() {
    assertEquals(OptionalInt.empty(), Partitioning.ANY.partition(new byte[] {1}, 4));
    Partitioning.ANY.require(record(3, "k"), 4);
  }

  /** A copy of a good record in another partition must not meet a second state there. */
  @Test
  void refusesRecordsThatLieElsewhere() {
    List<String> seen = new ArrayList<>();
    PartitionTask<?, ?, ?> task = task(seen);
    task.process(record(2, "m/000006"));
    task.process(record(1, "m/000006"));
    task.process(record(2, "nonsense"));
    task.process(record(3, "m/000003"));
    assertEquals(List.of("BAD_KEY", "BAD_KEY"), seen);
    assertEquals(2, task.keys());
  }

  private static PartitionTask<?, ?, ?> task(List<String> seen) {
    Deployment deployment =
        Deployment.parse(
            "test.yaml",
            "name: t\nkafka: {bootstrap.servers: 'none:1'}\ntopics: {partitions: 4}\n"
                + "pipelines:\n- name: p\n",
            Map.of());
    Stage stage = new Stage("sums", Tally::spec, "in", Map.of(), Following.NOTHING);
    Pipeline pipeline =
        new Pipeline(
            "p",
            "test",
            List.of(stage),
            "dead",
            List.of(new TopicNeed("in", "input", Purpose.INPUT, Partitioning.BY_CHUNK)));
    return new PartitionTask<>(
        deployment,
        pipeline,
        stage,
        new OperatorStep<>(Tally.spec(), Models.NONE, 1000),
        new InMemoryChunks(),
        new TaskEdge() {
          @Override
          public void emit(String channel, byte[] key, byte[] value, long timestampMillis) {
            seen.add(channel);
          }

          @Override
          public void reject(Reason reason, byte[] key, byte[] letter, long timestampMillis) {
            seen.add(reason.name());
          }
        });
  }

  private static TopicRecord record(int partition, String key) {
    return new TopicRecord("in", partition, 0, 10, key.getBytes(UTF_8), "10 5".getBytes(UTF_8));
  }

  private static OptionalInt place(String key, int partitions) {
    return Partitioning.BY_CHUNK.partition(key.getBytes(UTF_8), partitions);
  }
}
