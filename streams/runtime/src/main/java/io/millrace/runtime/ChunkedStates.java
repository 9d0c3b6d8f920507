package io.millrace.runtime;

import io.millrace.operator.StateCodec;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * States in a {@link ChunkStore}: sections cut into chunks behind a {@link StateManifest}. Sections
 * whose revision did not move are not even encoded; of the others only chunks with other content
 * are written.
 *
 * <p>Cost of a write: bytes of the changed sections, encoded and hashed once. One thread.
 */
final class ChunkedStates<S> {
  private final StateCodec<S> codec;
  private final ChunkStore store;
  private final int chunkBytes;
  private final MessageDigest sha256;
  private long writtenBytes;

  ChunkedStates(StateCodec<S> codec, ChunkStore store, int chunkBytes) {
    this.codec = codec;
    this.store = store;
    this.chunkBytes = chunkBytes;
    try {
      this.sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Bytes of keys and values written since the start. */
  long writtenBytes() {
    return writtenBytes;
  }

  /** Writes one entry that is no state. */
  void put(byte[] key, byte[] value) {
    store.put(key, value);
    writtenBytes += key.length + value.length;
  }

  /** Writes what changed of a state since it was read or written last. */
  void write(ResidentState<S> resident) {
    boolean manifestChanged = resident.rewrite || !resident.indexed.equals(resident.storedDeadline);
    for (int section = 0; section < codec.sections(); section++) {
      long revision = codec.revision(resident.state, section);
      if (!resident.rewrite && revision == resident.revisions[section]) {
        continue;
      }
      byte[] bytes = codec.encode(resident.state, section);
      manifestChanged |= bytes.length != resident.sectionBytes[section];
      writeChunks(resident, section, bytes);
      resident.revisions[section] = revision;
      resident.sectionBytes[section] = bytes.length;
    }
    if (manifestChanged) {
      put(
          StateManifest.key(resident.key),
          new StateManifest(resident.indexed, chunkBytes, resident.sectionBytes).encode());
    }
    resident.storedDeadline = resident.indexed;
    resident.rewrite = false;
  }

  /** Removes a state that was read from here or written here. */
  void remove(ResidentState<S> resident) {
    for (int section = 0; section < codec.sections(); section++) {
      removeChunks(resident, section, 0);
    }
    store.put(StateManifest.key(resident.key), null);
  }

  /**
   * Reads a state; null when the key has none.
   *
   * @throws IllegalStateException for damaged bytes, before any allocation larger than the bytes
   *     that are there justify
   */
  ResidentState<S> readOrNull(String key) {
    byte[] manifestBytes = store.get(StateManifest.key(key));
    if (manifestBytes == null) {
      return null;
    }
    try {
      return read(key, StateManifest.decode(manifestBytes));
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException("kept state of key " + key + ": " + e.getMessage(), e);
    }
  }

  private ResidentState<S> read(String key, StateManifest manifest) {
    int sections = codec.sections();
    if (manifest.sectionBytes().length != sections) {
      throw new IllegalArgumentException(
          "manifest has " + manifest.sectionBytes().length + " sections, expected " + sections);
    }
    byte[][] bytes = new byte[sections][];
    ResidentState<S> resident = new ResidentState<>(key, null, sections);
    for (int section = 0; section < sections; section++) {
      bytes[section] = readSection(resident, manifest, section);
      resident.sectionBytes[section] = bytes[section].length;
    }
    resident.state = codec.decode(bytes);
    for (int section = 0; section < sections; section++) {
      resident.revisions[section] = codec.revision(resident.state, section);
    }
    resident.rewrite = manifest.chunkBytes() != chunkBytes;
    resident.storedDeadline = manifest.deadlineMillis();
    return resident;
  }

  private byte[] readSection(ResidentState<S> resident, StateManifest manifest, int section) {
    int size = manifest.sectionBytes()[section];
    int count = (int) (((long) size + manifest.chunkBytes() - 1) / manifest.chunkBytes());
    // chunks first, then the array for them: the size is only a claim until they are there
    List<byte[]> chunks = new ArrayList<>();
    for (int chunk = 0; chunk < count; chunk++) {
      int expected =
          (int) Math.min(manifest.chunkBytes(), size - (long) chunk * manifest.chunkBytes());
      byte[] value = store.get(StateManifest.chunkKey(resident.key, section, chunk));
      if (value == null || value.length != expected) {
        throw new IllegalArgumentException(
            "section "
                + section
                + ", chunk "
                + chunk
                + " has "
                + (value == null ? "no" : value.length)
                + " bytes, expected "
                + expected);
      }
      chunks.add(value);
    }
    ByteBuffer bytes = ByteBuffer.allocate(size);
    long[] hashes = new long[count];
    for (int chunk = 0; chunk < count; chunk++) {
      byte[] value = chunks.get(chunk);
      bytes.put(value);
      hashes[chunk] = hash(value, 0, value.length);
    }
    resident.chunkHashes[section] = hashes;
    return bytes.array();
  }

  private void writeChunks(ResidentState<S> resident, int section, byte[] bytes) {
    int chunks = (int) (((long) bytes.length + chunkBytes - 1) / chunkBytes);
    long[] before = resident.chunkHashes[section];
    long[] hashes = new long[chunks];
    for (int chunk = 0; chunk < chunks; chunk++) {
      int from = chunk * chunkBytes;
      int length = Math.min(chunkBytes, bytes.length - from);
      hashes[chunk] = hash(bytes, from, length);
      if (chunk >= before.length || hashes[chunk] != before[chunk]) {
        byte[] value =
            length == bytes.length ? bytes : Arrays.copyOfRange(bytes, from, from + length);
        put(StateManifest.chunkKey(resident.key, section, chunk), value);
      }
    }
    removeChunks(resident, section, chunks);
    resident.chunkHashes[section] = hashes;
  }

  private void removeChunks(ResidentState<S> resident, int section, int from) {
    for (int chunk = from; chunk < resident.chunkHashes[section].length; chunk++) {
      store.put(StateManifest.chunkKey(resident.key, section, chunk), null);
    }
  }

  /** 64 bits of SHA-256: equal content is the only way to an equal hash that will be met. */
  private long hash(byte[] bytes, int from, int length) {
    sha256.update(bytes, from, length);
    return ByteBuffer.wrap(sha256.digest()).getLong();
  }
}
