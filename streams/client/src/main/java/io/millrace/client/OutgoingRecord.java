package io.millrace.client;

/**
 * A record to send.
 *
 * @param channel where to
 * @param key record key, UTF-8 on the wire
 * @param chunk on the updates topic: the partition is this modulo the partitions; else -1, and the
 *     producer's own hash of the key decides
 * @param value framed record; not to be modified
 */
public record OutgoingRecord(Channel channel, String key, int chunk, byte[] value) {
  /** Topics that clients write to. */
  public enum Channel {
    /** Chunks of updates. */
    UPDATES,
    /** Requests and commits. */
    CONTROL
  }
}
