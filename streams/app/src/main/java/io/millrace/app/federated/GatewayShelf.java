package io.millrace.app.federated;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The newest record of every key that a client may ask the gateway for: offers, versions, plans,
 * memories, and chunks of models, of which the oldest versions go first when they pass a bound. Any
 * thread.
 */
final class GatewayShelf {
  private final long mostBytes;
  private final Map<String, byte[]> small = new HashMap<>();
  // keys of a model rise with the version: its oldest chunks come first
  private final TreeMap<String, byte[]> chunks = new TreeMap<>();
  private long bytes;

  /**
   * @param mostBytes of chunks of models
   */
  GatewayShelf(long mostBytes) {
    this.mostBytes = mostBytes;
  }

  /**
   * Takes an offer, version, plan or memory.
   *
   * @param value framed; empty: the key is gone
   */
  synchronized void take(String key, byte[] value) {
    if (value.length == 0) {
      small.remove(key);
    } else {
      small.put(key, value);
    }
  }

  /** Takes a chunk of a model, likewise. */
  synchronized void takeChunk(String key, byte[] value) {
    byte[] before = chunks.remove(key);
    bytes -= before == null ? 0 : before.length;
    if (value.length > 0) {
      chunks.put(key, value);
      bytes += value.length;
    }
    while (bytes > mostBytes) {
      bytes -= chunks.remove(oldest()).length;
    }
  }

  /** Of the lowest version of all models, so that no model pushes another out by its name. */
  private String oldest() {
    String oldest = chunks.firstKey();
    for (String key = oldest; key != null; key = chunks.higherKey(model(key) + "@~")) {
      if (key.substring(model(key).length()).compareTo(oldest.substring(model(oldest).length()))
          < 0) {
        oldest = key;
      }
    }
    return oldest;
  }

  private static String model(String key) {
    return key.substring(0, Math.max(0, key.indexOf('@')));
  }

  /** What was taken last under a key. */
  synchronized Optional<byte[]> find(String key) {
    return Optional.ofNullable(small.get(key));
  }

  /** A chunk of a model. */
  synchronized Optional<byte[]> findChunk(String key) {
    return Optional.ofNullable(chunks.get(key));
  }
}
