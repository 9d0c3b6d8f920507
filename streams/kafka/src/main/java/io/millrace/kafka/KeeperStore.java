package io.millrace.kafka;

import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

/**
 * A store without content whose only purpose is the call {@link #flushCache}: Kafka Streams makes
 * it before it flushes the producer and commits, so what is written to a changelogged store there
 * is part of the same transaction. A store's own commit call-back comes too late for that in 4.x:
 * state written there would fall into the next transaction, and a crash between the two would leave
 * offsets ahead of state.
 *
 * <p>{@code CachedStateStore} is internal to Kafka; this is the only class that names it.
 */
final class KeeperStore implements StateStore, CachedStateStore<byte[], byte[]> {
  private final String name;
  private Runnable flush = () -> {};
  private boolean open;

  private KeeperStore(String name) {
    this.name = name;
  }

  static StoreBuilder<KeeperStore> builder(String name) {
    return new Builder(name);
  }

  /** What to do before each commit, from now until the task closes. */
  void beforeCommit(Runnable action) {
    flush = action;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void init(StateStoreContext context, StateStore root) {
    // a revived task comes here again: what its predecessor held on the heap is void
    flush = () -> {};
    context.register(root, (key, value) -> {});
    open = true;
  }

  @Override
  public void flushCache() {
    flush.run();
  }

  @Override
  public void clearCache() {}

  @Override
  public boolean setFlushListener(
      CacheFlushListener<byte[], byte[]> listener, boolean sendOldValues) {
    return false;
  }

  @Override
  public void commit(Map<TopicPartition, Long> changelogOffsets) {}

  @Override
  public void close() {
    flush = () -> {};
    open = false;
  }

  @Override
  public boolean persistent() {
    return false;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  private record Builder(String name) implements StoreBuilder<KeeperStore> {
    @Override
    public StoreBuilder<KeeperStore> withCachingEnabled() {
      return this;
    }

    @Override
    public StoreBuilder<KeeperStore> withCachingDisabled() {
      return this;
    }

    @Override
    public StoreBuilder<KeeperStore> withLoggingEnabled(Map<String, String> config) {
      return this;
    }

    @Override
    public StoreBuilder<KeeperStore> withLoggingDisabled() {
      return this;
    }

    @Override
    public KeeperStore build() {
      return new KeeperStore(name);
    }

    @Override
    public Map<String, String> logConfig() {
      return Map.of();
    }

    @Override
    public boolean loggingEnabled() {
      return false;
    }
  }
}
