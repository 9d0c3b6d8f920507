package io.millrace.runtime;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * What the store holds of one key's state.
 *
 * <pre>
 * offset      size  field (big endian)
 *      0         1  version, 1
 *      1         1  1: a deadline follows, 0: the next field is 0
 *      2         8  deadline, milliseconds
 *     10         4  chunk size, bytes
 *     14         1  sections
 *     15  4 x each  bytes of the section
 * </pre>
 *
 * @param deadlineMillis a lower bound of the state's next deadline
 * @param chunkBytes the size at which its sections are cut
 * @param sectionBytes length of each section; not modified
 */
record StateManifest(OptionalLong deadlineMillis, int chunkBytes, int[] sectionBytes) {
  static final byte PREFIX = 'm';
  private static final byte CHUNK_PREFIX = 'c';
  private static final byte VERSION = 1;

  byte[] encode() {
    ByteBuffer buffer = ByteBuffer.allocate(15 + 4 * sectionBytes.length);
    buffer.put(VERSION).put((byte) (deadlineMillis.isPresent() ? 1 : 0));
    buffer.putLong(deadlineMillis.orElse(0)).putInt(chunkBytes).put((byte) sectionBytes.length);
    for (int bytes : sectionBytes) {
      buffer.putInt(bytes);
    }
    return buffer.array();
  }

  /**
   * Reads a manifest.
   *
   * @throws IllegalArgumentException for damaged or newer bytes
   */
  static StateManifest decode(byte[] bytes) {
    if (bytes.length < 15 || bytes[0] < 1 || bytes.length != 15 + 4 * bytes[14]) {
      throw new IllegalArgumentException("manifest of " + bytes.length + " bytes is damaged");
    }
    if (bytes[0] > VERSION) {
      throw new IllegalArgumentException(
          "manifest has version " + bytes[0] + ", this release reads 1 to " + VERSION);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, bytes.length - 1);
    boolean hasDeadline = buffer.get() != 0;
    long deadline = buffer.getLong();
    int chunkBytes = buffer.getInt();
    int[] sections = new int[buffer.get()];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = buffer.getInt();
      if (sections[section] < 0) {
        throw new IllegalArgumentException(
            "manifest declares " + sections[section] + " bytes in section " + section);
      }
    }
    if (chunkBytes < 1) {
      throw new IllegalArgumentException("manifest declares chunks of " + chunkBytes + " bytes");
    }
    return new StateManifest(
        hasDeadline ? OptionalLong.of(deadline) : OptionalLong.empty(), chunkBytes, sections);
  }

  static byte[] key(String stateKey) {
    byte[] text = stateKey.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + text.length).put(PREFIX).put(text).array();
  }

  static String stateKey(byte[] manifestKey) {
    return new String(manifestKey, 1, manifestKey.length - 1, StandardCharsets.UTF_8);
  }

  static byte[] chunkKey(String stateKey, int section, int chunk) {
    byte[] text = stateKey.getBytes(StandardCharsets.UTF_8);
    // told apart by a suffix of fixed length: no two keys' chunks can meet, whatever bytes they
    // hold
    return ByteBuffer.allocate(7 + text.length)
        .put(CHUNK_PREFIX)
        .put(text)
        .put((byte) 0)
        .put((byte) section)
        .putInt(chunk)
        .array();
  }
}
