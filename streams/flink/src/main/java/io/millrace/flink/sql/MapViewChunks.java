package io.millrace.flink.sql;

import io.millrace.runtime.ChunkStore;
import java.nio.charset.StandardCharsets;
import java.util.function.BiConsumer;
import org.apache.flink.table.api.dataview.MapView;

/**
 * Chunks of one sensor in the map that Flink's current key has. Names and values are bytes of the
 * runtime's own layouts, so Flink's serialisers never change. One thread.
 */
final class MapViewChunks implements ChunkStore {
  private MapView<String, byte[]> view;

  /** Takes the view that a call was given; it follows Flink's current key. */
  void use(MapView<String, byte[]> current) {
    view = current;
  }

  @Override
  public byte[] get(byte[] key) {
    try {
      return view.get(text(key));
    } catch (Exception e) {
      throw new IllegalStateException("function state cannot be read", e);
    }
  }

  @Override
  public void put(byte[] key, byte[] valueOrNull) {
    try {
      if (valueOrNull == null) {
        view.remove(text(key));
      } else {
        view.put(text(key), valueOrNull);
      }
    } catch (Exception e) {
      throw new IllegalStateException("function state cannot be written", e);
    }
  }

  /** Not supported: there is one key at a time, and timers are Flink's. */
  @Override
  public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {
    throw new UnsupportedOperationException("function state is read by key");
  }

  /** One character a byte: equal bytes are equal keys. */
  private static String text(byte[] key) {
    return new String(key, StandardCharsets.ISO_8859_1);
  }
}
