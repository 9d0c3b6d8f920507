package io.millrace.operator.federated;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Fields of a record as the bytes that are hashed and signed, whatever its encoding on the wire,
 * and so for every language and every later schema the same: whole numbers as 8 bytes, big-endian;
 * doubles as their bits likewise; texts as UTF-8 and bytes as they are, after their length as a
 * number; a list's size before its elements. One thread.
 */
final class CanonicalBytes {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);

  /**
   * @param domain names what is hashed, so that no record passes for one of another kind
   */
  CanonicalBytes(String domain) {
    text(domain);
  }

  CanonicalBytes number(long value) {
    bytes.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(value).array());
    return this;
  }

  CanonicalBytes number(double value) {
    return number(Double.doubleToLongBits(value));
  }

  CanonicalBytes text(String value) {
    return bytes(value.getBytes(StandardCharsets.UTF_8));
  }

  CanonicalBytes bytes(byte[] value) {
    number(value.length);
    bytes.writeBytes(value);
    return this;
  }

  /**
   * @param value position and limit are as before afterwards
   */
  CanonicalBytes bytes(ByteBuffer value) {
    return bytes(array(value));
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }

  byte[] sha256() {
    return sha256(bytes.toByteArray());
  }

  static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  static byte[] array(ByteBuffer value) {
    byte[] array = new byte[value.remaining()];
    value.duplicate().get(array);
    return array;
  }
}
