package io.millrace.app.cache;

import io.millrace.operator.kvcache.KeyValueReader;
import io.millrace.operator.kvcache.PageTable;
import io.millrace.runtime.Following;
import io.millrace.runtime.ModelShelf;
import io.millrace.schema.UnreadableRecordException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Pages and the models that they name, in memory. One lock: any thread. */
final class CacheStore {
  private static final Logger LOG = LoggerFactory.getLogger(CacheStore.class);

  /** Pages may name any version that ever was. */
  private static final int VERSIONS = 1 << 16;

  /**
   * What a reading sees; only while it holds the lock.
   *
   * @param table pages
   * @param reader restores and attends
   */
  record View(PageTable table, KeyValueReader reader) {}

  private final ModelShelf shelf;
  private final View view;
  private final long idleMicros;
  private long retiredMicros;
  private boolean warned;

  /**
   * @param topics for their names
   * @param cacheBytes for opened pages
   * @param idle event time after which a session's opened pages go before others'
   */
  CacheStore(CacheTopics topics, long cacheBytes, Duration idle) {
    idleMicros = idle.toMillis() * 1_000;
    shelf = new ModelShelf(new Following(topics.bases(), Set.of(), VERSIONS));
    view = new View(new PageTable(), new KeyValueReader(shelf, cacheBytes));
  }

  /** Takes a record of the pages topic; nothing in it can make this fail. */
  synchronized void takePage(byte[] key, byte[] value) {
    view.table().accept(key == null ? "" : new String(key, StandardCharsets.UTF_8), value);
  }

  /** Takes a record of the bases topic; one that cannot be read is told once. */
  synchronized void takeModel(byte[] value) {
    if (value == null) {
      return;
    }
    try {
      shelf.take(shelf.read(value));
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      if (!warned) {
        LOG.warn("A model of the cache cannot be read, and more may follow: {}", e.getMessage());
        warned = true;
      }
    }
  }

  /** Reads under the lock; nothing of the view may leave it. */
  synchronized <T> T read(Function<View, T> reading) {
    // seldom enough to cost nothing beside what is read
    if (view.table().newestMicros() - retiredMicros > idleMicros / 4) {
      retiredMicros = view.table().newestMicros();
      view.reader().retire(view.table(), idleMicros);
    }
    return reading.apply(view);
  }
}
