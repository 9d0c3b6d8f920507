package io.millrace.kafka;

import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.internals.InMemoryKeyValueStore;

/**
 * Makes a store that holds what its changelog holds before the first processor sees it.
 *
 * @param contents of the changelog after compaction
 */
record RestoredStore(String name, Map<Bytes, byte[]> contents)
    implements KeyValueBytesStoreSupplier {

  @Override
  public KeyValueStore<Bytes, byte[]> get() {
    return new InMemoryKeyValueStore(name) {
      @Override
      public void init(StateStoreContext context, StateStore root) {
        super.init(context, root);
        contents.forEach(this::put);
      }
    };
  }

  @Override
  public String metricsScope() {
    return "restored";
  }
}
