package io.millrace.kafka;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;

/**
 * Off-heap memory of one task's state store: at most 20 MiB instead of Kafka's 98 MiB. Hot state is
 * on the heap; the store is read once per key after a restart or an eviction, so a block cache has
 * little to hold, and written in bulk at each commit.
 */
public final class SmallRocksDb implements RocksDBConfigSetter {
  static final long CACHE_BYTES = 4L << 20;
  static final long WRITE_BUFFER_BYTES = 8L << 20;
  static final int WRITE_BUFFERS = 2;

  private final Map<String, Cache> caches = new ConcurrentHashMap<>();

  /** Made by Kafka, from the class alone. */
  public SmallRocksDb() {}

  @Override
  public void setConfig(String store, Options options, Map<String, Object> configs) {
    Cache cache = new LRUCache(CACHE_BYTES);
    caches.put(store, cache);
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(cache);
    options.setTableFormatConfig(table);
    options.setWriteBufferSize(WRITE_BUFFER_BYTES);
    options.setMaxWriteBufferNumber(WRITE_BUFFERS);
  }

  @Override
  public void close(String store, Options options) {
    Cache cache = caches.remove(store);
    if (cache != null) {
      cache.close();
    }
  }
}
