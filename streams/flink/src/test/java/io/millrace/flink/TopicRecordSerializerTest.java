package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.runtime.TopicRecord;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import org.apache.flink.api.common.typeutils.SerializerTestBase;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.testutils.DeeplyEqualsChecker;
import org.junit.jupiter.api.Test;

/** Flink's own laws of serialisers, and the layout that channels and savepoints hold. */
final class TopicRecordSerializerTest extends SerializerTestBase<TopicRecord> {

  TopicRecordSerializerTest() {
    super(
        new DeeplyEqualsChecker()
            .withCustomCheck(
                (one, other) -> one instanceof TopicRecord && other instanceof TopicRecord,
                (one, other, checker) -> equal((TopicRecord) one, (TopicRecord) other)));
  }

  @Override
  protected TypeSerializer<TopicRecord> createSerializer() {
    return TopicRecordSerializer.INSTANCE;
  }

  @Override
  protected int getLength() {
    return -1;
  }

  @Override
  protected Class<TopicRecord> getTypeClass() {
    return TopicRecord.class;
  }

  @Override
  protected TopicRecord[] getTestData() {
    byte[] every = new byte[256];
    for (int i = 0; i < every.length; i++) {
      every[i] = (byte) i;
    }
    return new TopicRecord[] {
      new TopicRecord("readings", 3, 1L << 40, 1_700_000_000_000L, every, new byte[70_000]),
      new TopicRecord("ölpumpe", 0, 0, 0, null, every),
      new TopicRecord("readings", 1, 2, 3, every, null),
      new TopicRecord("readings", 1, 2, 3, null, null),
      TopicRecord.unwritten("", new byte[0], new byte[0], Long.MAX_VALUE),
    };
  }

  @Test
  void keepsTheLayoutThatStateHolds() throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(16);
    TopicRecord record = new TopicRecord("é", 1, 2, 3, new byte[] {4, 5}, null);
    TopicRecordSerializer.INSTANCE.serialize(record, out);
    assertEquals(
        "0002c3a9"
            + "00000001"
            + "0000000000000002"
            + "0000000000000003"
            + "000000020405"
            + "ffffffff",
        HexFormat.of().formatHex(out.getCopyOfBuffer()));
    TopicRecord read =
        TopicRecordSerializer.INSTANCE.deserialize(
            new DataInputDeserializer(out.getCopyOfBuffer()));
    assertNull(read.value());
    assertTrue(equal(record, read));
  }

  private static boolean equal(TopicRecord one, TopicRecord other) {
    return one.topic().equals(other.topic())
        && one.partition() == other.partition()
        && one.offset() == other.offset()
        && one.timestampMillis() == other.timestampMillis()
        && Arrays.equals(one.key(), other.key())
        && Arrays.equals(one.value(), other.value());
  }
}
