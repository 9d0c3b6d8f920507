package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Records on their way between tasks, and in channels that an unaligned checkpoint keeps.
 *
 * <pre>
 * length of topic (2), topic (UTF-8), partition (4), offset (8), timestamp (8), key length (4, -1:
 * null), key, value length (4, -1: null), value; big endian
 * </pre>
 */
final class TopicRecordSerializer extends TypeSerializerSingleton<TopicRecord> {
  static final TopicRecordSerializer INSTANCE = new TopicRecordSerializer();

  private static final long serialVersionUID = 1L;

  private TopicRecordSerializer() {}

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public TopicRecord createInstance() {
    return new TopicRecord("", TopicRecord.UNWRITTEN, TopicRecord.UNWRITTEN, 0, null, null);
  }

  @Override
  public TopicRecord copy(TopicRecord from) {
    return from;
  }

  @Override
  public TopicRecord copy(TopicRecord from, TopicRecord reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public void serialize(TopicRecord record, DataOutputView target) throws IOException {
    byte[] topic = record.topic().getBytes(StandardCharsets.UTF_8);
    target.writeShort(topic.length);
    target.write(topic);
    target.writeInt(record.partition());
    target.writeLong(record.offset());
    target.writeLong(record.timestampMillis());
    write(record.key(), target);
    write(record.value(), target);
  }

  @Override
  public TopicRecord deserialize(DataInputView source) throws IOException {
    byte[] topic = new byte[source.readUnsignedShort()];
    source.readFully(topic);
    return new TopicRecord(
        new String(topic, StandardCharsets.UTF_8),
        source.readInt(),
        source.readLong(),
        source.readLong(),
        readOrNull(source),
        readOrNull(source));
  }

  @Override
  public TopicRecord deserialize(TopicRecord reuse, DataInputView source) throws IOException {
    return deserialize(source);
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    serialize(deserialize(source), target);
  }

  @Override
  public TypeSerializerSnapshot<TopicRecord> snapshotConfiguration() {
    return new Snapshot();
  }

  private static void write(byte[] bytesOrNull, DataOutputView target) throws IOException {
    target.writeInt(bytesOrNull == null ? -1 : bytesOrNull.length);
    if (bytesOrNull != null) {
      target.write(bytesOrNull);
    }
  }

  private static byte[] readOrNull(DataInputView source) throws IOException {
    int length = source.readInt();
    if (length < 0) {
      return null;
    }
    byte[] bytes = new byte[length];
    source.readFully(bytes);
    return bytes;
  }

  /** Names the serialiser in checkpoints; made by Flink, from its class alone. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<TopicRecord> {
    /** For Flink. */
    public Snapshot() {
      super(() -> INSTANCE);
    }
  }
}
