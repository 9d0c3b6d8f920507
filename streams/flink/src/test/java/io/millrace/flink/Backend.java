package io.millrace.flink;

import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.state.forst.ForStStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;

/** The state backends that the adapter is held to. */
enum Backend {
  HASHMAP {
    @Override
    StateBackend open() {
      return new HashMapStateBackend();
    }
  },
  ROCKSDB_INCREMENTAL {
    @Override
    StateBackend open() {
      return new EmbeddedRocksDBStateBackend(true);
    }
  },
  FORST {
    @Override
    StateBackend open() {
      return new ForStStateBackend();
    }
  };

  abstract StateBackend open();
}
