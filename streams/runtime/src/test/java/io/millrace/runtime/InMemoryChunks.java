package io.millrace.runtime;

import java.util.Arrays;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** A chunk store on the heap that counts what is written to it. */
final class InMemoryChunks implements ChunkStore {
  final TreeMap<byte[], byte[]> entries = new TreeMap<>(Arrays::compareUnsigned);
  int gets;
  int puts;
  long putBytes;

  InMemoryChunks copy() {
    InMemoryChunks copy = new InMemoryChunks();
    entries.forEach((key, value) -> copy.entries.put(key.clone(), value.clone()));
    return copy;
  }

  void resetCounts() {
    gets = 0;
    puts = 0;
    putBytes = 0;
  }

  @Override
  public byte[] get(byte[] key) {
    gets++;
    byte[] value = entries.get(key);
    return value == null ? null : value.clone();
  }

  @Override
  public void put(byte[] key, byte[] valueOrNull) {
    puts++;
    if (valueOrNull == null) {
      entries.remove(key);
    } else {
      putBytes += key.length + valueOrNull.length;
      entries.put(key.clone(), valueOrNull.clone());
    }
  }

  @Override
  public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {
    entries.subMap(new byte[] {prefix}, new byte[] {(byte) (prefix + 1)}).forEach(visitor);
  }
}
