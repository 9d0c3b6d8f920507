package io.millrace.runtime;

import java.util.function.BiConsumer;

/**
 * The durable store behind a {@link StateKeeper}, supplied by each adapter: changelogged key-value
 * store on Kafka Streams, keyed state on Flink. Keys and values are small (a chunk at most).
 */
public interface ChunkStore {

  /** The value of a key, or null. */
  byte[] get(byte[] key);

  /** Writes a value; null removes the key. */
  void put(byte[] key, byte[] valueOrNull);

  /** Visits all entries whose key starts with one byte, in rising key order. */
  void scan(byte prefix, BiConsumer<byte[], byte[]> visitor);
}
