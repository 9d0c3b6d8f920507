package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

final class SmallRocksDbTest {
  @Test
  void boundsTheMemoryOfEachStore() {
    RocksDB.loadLibrary();
    SmallRocksDb small = new SmallRocksDb();
    try (Options options = new Options()) {
      options.setTableFormatConfig(new BlockBasedTableConfig());
      small.setConfig("a-state", options, Map.of());
      long bytes =
          SmallRocksDb.CACHE_BYTES + options.writeBufferSize() * options.maxWriteBufferNumber();
      assertEquals(20L << 20, bytes);
      assertTrue(options.tableFormatConfig() instanceof BlockBasedTableConfig);
      small.close("a-state", options);
      small.close("a-state", options);
    }
  }
}
