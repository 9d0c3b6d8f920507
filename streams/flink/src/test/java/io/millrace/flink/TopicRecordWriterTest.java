package io.millrace.flink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.millrace.runtime.Partitioning;
import io.millrace.runtime.TopicRecord;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema.KafkaSinkContext;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.Test;

final class TopicRecordWriterTest {
  private static final int PARTITIONS = 5;

  private final TopicRecordWriter writer =
      new TopicRecordWriter(
          Map.of(
              "updates", Partitioning.BY_CHUNK,
              "control", Partitioning.BY_KEY,
              "versions", Partitioning.ANY));

  @Test
  void putsChunksRoundThePartitionsAlsoAfterItWasShipped() throws Exception {
    TopicRecordWriter shipped = InstantiationUtil.clone(writer);
    for (int chunk : new int[] {0, 4, 5, 1234}) {
      ProducerRecord<byte[], byte[]> written =
          write(shipped, "updates", String.format("digits/%06d", chunk));
      assertEquals(chunk % PARTITIONS, written.partition());
    }
  }

  @Test
  void putsKeysWhereKafkasOwnClientsDo() {
    for (String key : new String[] {"digits", "a", "fashion-mnist:2"}) {
      int expected = Utils.toPositive(Utils.murmur2(key.getBytes(UTF_8))) % PARTITIONS;
      assertEquals(expected, write(writer, "control", key).partition(), key);
    }
  }

  @Test
  void leavesOtherTopicsToTheProducer() {
    ProducerRecord<byte[], byte[]> written = write(writer, "versions", "digits@0");
    assertNull(written.partition());
    assertArrayEquals("digits@0".getBytes(UTF_8), written.key());
    assertEquals(77, written.timestamp());
  }

  private static ProducerRecord<byte[], byte[]> write(
      TopicRecordWriter writer, String topic, String key) {
    return writer.serialize(
        TopicRecord.unwritten(topic, key.getBytes(UTF_8), new byte[] {1}, 77), new Context(), 78L);
  }

  /** A sink over topics of {@link #PARTITIONS} partitions. */
  private static final class Context implements KafkaSinkContext {
    @Override
    public int getParallelInstanceId() {
      return 0;
    }

    @Override
    public int getNumberOfParallelInstances() {
      return 1;
    }

    @Override
    public int[] getPartitionsForTopic(String topic) {
      return IntStream.range(0, PARTITIONS).toArray();
    }
  }
}
