package io.millrace.kafka;

import io.millrace.runtime.ChunkStore;
import java.util.function.BiConsumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;

/** Chunks in a changelogged key-value store. */
final class KeyValueChunks implements ChunkStore {
  private final KeyValueStore<Bytes, byte[]> store;

  KeyValueChunks(KeyValueStore<Bytes, byte[]> store) {
    this.store = store;
  }

  @Override
  public byte[] get(byte[] key) {
    return store.get(Bytes.wrap(key));
  }

  @Override
  public void put(byte[] key, byte[] valueOrNull) {
    store.put(Bytes.wrap(key), valueOrNull);
  }

  @Override
  public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {
    Bytes from = Bytes.wrap(new byte[] {prefix});
    Bytes to = Bytes.wrap(new byte[] {(byte) (prefix + 1)});
    try (var entries = store.range(from, to)) {
      while (entries.hasNext()) {
        var entry = entries.next();
        if (entry.key.get()[0] == prefix) {
          visitor.accept(entry.key.get(), entry.value);
        }
      }
    }
  }
}
