package io.millrace.operator;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The header in front of every section of state bytes, and bounds-checked reading behind it.
 *
 * <pre>
 * offset  size  field     (little endian)
 *      0     2  magic     0x4D52 ("RM" in file order)
 *      2     1  family    explicit id, see the constants below
 *      3     1  version   of this family's layout; writers write only the newest
 *      4     2  section
 *      6     2  reserved  zero
 * </pre>
 */
public final class StateHeader {
  /** Bytes of the header. */
  public static final int BYTES = 8;

  /** Family: sensors to online dictionary learning, state per sensor. */
  public static final byte SENSOR_DICTIONARY = 1;

  /** Family: merge stage of a shared dictionary. */
  public static final byte SHARED_DICTIONARY = 2;

  /** Family: window and ageing pages of a head group of a KV cache. */
  public static final byte KEY_VALUE_WINDOW = 3;

  /** Family: basis of keys or values, state per basis. */
  public static final byte KEY_VALUE_BASIS = 4;

  /** Family: aggregation of one chunk of a federated model. */
  public static final byte FEDERATED_CHUNK = 5;

  /** Family: rounds of a federated model. */
  public static final byte FEDERATED_ROUNDS = 6;

  /** Family: one chunk of the models of nodes that mix along edges. */
  public static final byte FEDERATED_MIXING = 7;

  /** Family: toy operators of the tests. Never in a released state. */
  public static final byte TEST = 127;

  private static final short MAGIC = 0x4D52;

  private StateHeader() {}

  /** A little-endian buffer of {@code capacity} bytes behind the header, positioned there. */
  public static ByteBuffer begin(byte family, byte version, int section, int capacity) {
    ByteBuffer buffer =
        ByteBuffer.allocate(Math.addExact(BYTES, capacity)).order(ByteOrder.LITTLE_ENDIAN);
    return buffer
        .putShort(MAGIC)
        .put(family)
        .put(version)
        .putShort((short) section)
        .putShort((short) 0);
  }

  /**
   * Checks the header and positions behind it.
   *
   * @throws IllegalArgumentException for other magic, family or section, or a newer version
   */
  public static ByteBuffer open(byte[] bytes, byte family, byte newestVersion, int section) {
    if (bytes.length < BYTES) {
      throw new IllegalArgumentException(
          "state section " + section + " has " + bytes.length + " bytes, header needs " + BYTES);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    expect("magic", buffer.getShort(), MAGIC);
    expect("family", buffer.get(), family);
    byte version = buffer.get();
    if (version < 1 || version > newestVersion) {
      throw new IllegalArgumentException(
          "state family "
              + family
              + " has version "
              + version
              + ", this release reads 1 to "
              + newestVersion);
    }
    expect("section", buffer.getShort(), section);
    expect("reserved", buffer.getShort(), 0);
    return buffer;
  }

  /**
   * Checks that {@code bytes} more are there.
   *
   * @throws IllegalArgumentException with both numbers
   */
  public static void need(ByteBuffer buffer, long bytes) {
    if (bytes > buffer.remaining()) {
      throw new IllegalArgumentException(
          "state needs " + bytes + " more bytes, " + buffer.remaining() + " are left");
    }
  }

  /** Appends floats in bulk. */
  public static void putFloats(ByteBuffer buffer, float[] values, int from, int count) {
    buffer.asFloatBuffer().put(values, from, count);
    buffer.position(buffer.position() + count * Float.BYTES);
  }

  /** Reads {@code count} floats into a new array after checking that so many are there. */
  public static float[] getFloats(ByteBuffer buffer, int count) {
    if (count < 0 || (long) count * Float.BYTES > buffer.remaining()) {
      throw new IllegalArgumentException(
          "state declares " + count + " floats, " + buffer.remaining() + " bytes are left");
    }
    float[] values = new float[count];
    buffer.asFloatBuffer().get(values);
    buffer.position(buffer.position() + count * Float.BYTES);
    return values;
  }

  /** Bytes that {@link #putText} writes. */
  public static int textBytes(String text) {
    return Short.BYTES + text.getBytes(StandardCharsets.UTF_8).length;
  }

  /**
   * Writes a text behind its length.
   *
   * @throws IllegalArgumentException for more than 32,767 bytes of UTF-8
   */
  public static void putText(ByteBuffer buffer, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > Short.MAX_VALUE) {
      throw new IllegalArgumentException(
          "text has " + bytes.length + " bytes, expected at most " + Short.MAX_VALUE);
    }
    buffer.putShort((short) bytes.length).put(bytes);
  }

  /**
   * Reads what {@link #putText} wrote.
   *
   * @throws IllegalArgumentException for missing bytes or such that are not UTF-8
   */
  public static String getText(ByteBuffer buffer) {
    need(buffer, Short.BYTES);
    int length = buffer.getShort();
    need(buffer, length < 0 ? Long.MAX_VALUE : length);
    ByteBuffer bytes = buffer.slice().limit(length);
    buffer.position(buffer.position() + length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("state holds a text that is not UTF-8", e);
    }
  }

  /** Writes 1 or 0 in one byte. */
  public static void putFlag(ByteBuffer buffer, boolean flag) {
    buffer.put((byte) (flag ? 1 : 0));
  }

  /**
   * Reads what {@link #putFlag} wrote.
   *
   * @throws IllegalArgumentException for a missing byte or one that is neither 0 nor 1
   */
  public static boolean getFlag(ByteBuffer buffer) {
    need(buffer, 1);
    byte flag = buffer.get();
    if (flag != 0 && flag != 1) {
      throw new IllegalArgumentException("state has flag " + flag + ", expected 0 or 1");
    }
    return flag == 1;
  }

  /**
   * Checks that a section was read to its end.
   *
   * @throws IllegalArgumentException with the number of bytes left over
   */
  public static void end(ByteBuffer buffer) {
    if (buffer.hasRemaining()) {
      throw new IllegalArgumentException("state has " + buffer.remaining() + " bytes left over");
    }
  }

  private static void expect(String field, int got, int expected) {
    if (got != expected) {
      throw new IllegalArgumentException(
          "state header " + field + " is " + got + ", expected " + expected);
    }
  }
}
