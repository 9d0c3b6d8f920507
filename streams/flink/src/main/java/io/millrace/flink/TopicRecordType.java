package io.millrace.flink;

import io.millrace.runtime.TopicRecord;
import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Type of the records between source, operator and sink. */
final class TopicRecordType extends TypeInformation<TopicRecord> {
  static final TopicRecordType INSTANCE = new TopicRecordType();

  private static final long serialVersionUID = 1L;

  private TopicRecordType() {}

  @Override
  public boolean isBasicType() {
    return false;
  }

  @Override
  public boolean isTupleType() {
    return false;
  }

  @Override
  public int getArity() {
    return 1;
  }

  @Override
  public int getTotalFields() {
    return 1;
  }

  @Override
  public Class<TopicRecord> getTypeClass() {
    return TopicRecord.class;
  }

  @Override
  public boolean isKeyType() {
    return false;
  }

  @Override
  public TypeSerializer<TopicRecord> createSerializer(SerializerConfig config) {
    return TopicRecordSerializer.INSTANCE;
  }

  @Override
  public String toString() {
    return "TopicRecord";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TopicRecordType;
  }

  @Override
  public int hashCode() {
    return TopicRecordType.class.hashCode();
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof TopicRecordType;
  }
}
