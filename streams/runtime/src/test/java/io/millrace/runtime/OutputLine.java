package io.millrace.runtime;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * A record on its way out that compares by content and reads well in a failed assertion.
 *
 * @param key as text; null for none
 * @param value in hexadecimal digits; null for none
 */
public record OutputLine(String topic, String key, long timestampMillis, String value) {

  /** The content of a record. */
  public static OutputLine of(TopicRecord record) {
    return of(record.topic(), record.key(), record.value(), record.timestampMillis());
  }

  /**
   * @param keyOrNull every byte a character, so that any bytes compare
   */
  public static OutputLine of(
      String topic, byte[] keyOrNull, byte[] valueOrNull, long timestampMillis) {
    return new OutputLine(
        topic,
        keyOrNull == null ? null : new String(keyOrNull, StandardCharsets.ISO_8859_1),
        timestampMillis,
        valueOrNull == null ? null : HexFormat.of().formatHex(valueOrNull));
  }
}
