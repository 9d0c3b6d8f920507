package io.millrace.runtime;

/**
 * One record of a topic with its coordinates. Arrays are not modified.
 *
 * @param partition {@link #UNWRITTEN} for one that is still to be written
 * @param offset likewise
 * @param timestampMillis the record's own, at least 0
 * @param key may be null
 * @param value may be null
 */
public record TopicRecord(
    String topic, int partition, long offset, long timestampMillis, byte[] key, byte[] value) {
  /** No place in the topic yet. */
  public static final int UNWRITTEN = -1;

  /** A record on its way out; the key decides on its partition. */
  public static TopicRecord unwritten(
      String topic, byte[] key, byte[] value, long timestampMillis) {
    return new TopicRecord(topic, UNWRITTEN, UNWRITTEN, timestampMillis, key, value);
  }
}
