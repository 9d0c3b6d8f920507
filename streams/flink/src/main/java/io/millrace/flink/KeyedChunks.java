package io.millrace.flink;

import io.millrace.runtime.ChunkStore;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;

/**
 * Chunks in keyed state: those of Flink's current key, which is one partition. Two maps, so that a
 * scan of what is small does not read what is large. Names and values are bytes of the runtime's
 * own layouts, so Flink's serialisers never change.
 */
final class KeyedChunks implements ChunkStore {
  /** Prefix of the entries with content; all others are small. */
  private static final byte CHUNK = 'c';

  private final MapState<String, byte[]> index;
  private final MapState<String, byte[]> chunks;

  /** Gives access to a keyed map of the operator. */
  interface States {
    MapState<String, byte[]> map(MapStateDescriptor<String, byte[]> descriptor);
  }

  KeyedChunks(States states) {
    this.index = states.map(descriptor("index"));
    this.chunks = states.map(descriptor("chunks"));
  }

  static MapStateDescriptor<String, byte[]> descriptor(String name) {
    return new MapStateDescriptor<>(
        name, StringSerializer.INSTANCE, BytePrimitiveArraySerializer.INSTANCE);
  }

  @Override
  public byte[] get(byte[] key) {
    try {
      return map(key[0]).get(text(key));
    } catch (Exception e) {
      throw new IllegalStateException("keyed state cannot be read", e);
    }
  }

  @Override
  public void put(byte[] key, byte[] valueOrNull) {
    try {
      if (valueOrNull == null) {
        map(key[0]).remove(text(key));
      } else {
        map(key[0]).put(text(key), valueOrNull);
      }
    } catch (Exception e) {
      throw new IllegalStateException("keyed state cannot be written", e);
    }
  }

  @Override
  public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {
    TreeMap<String, byte[]> found = new TreeMap<>();
    try {
      for (Map.Entry<String, byte[]> entry : map(prefix).entries()) {
        if (entry.getKey().charAt(0) == (prefix & 0xff)) {
          found.put(entry.getKey(), entry.getValue());
        }
      }
    } catch (Exception e) {
      throw new IllegalStateException("keyed state cannot be read", e);
    }
    found.forEach((key, value) -> visitor.accept(key.getBytes(StandardCharsets.ISO_8859_1), value));
  }

  private MapState<String, byte[]> map(byte prefix) {
    return prefix == CHUNK ? chunks : index;
  }

  /** One character a byte: equal bytes are equal keys on every backend, in the order of bytes. */
  private static String text(byte[] key) {
    return new String(key, StandardCharsets.ISO_8859_1);
  }
}
