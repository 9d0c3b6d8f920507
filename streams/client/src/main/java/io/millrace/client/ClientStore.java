package io.millrace.client;

import java.util.Optional;

/** Where a client keeps what must survive a crash. One thread. */
public interface ClientStore {
  /** What {@link #save} got last; empty: never anything. */
  Optional<byte[]> load();

  /**
   * Keeps these bytes in place of the former ones: after a crash there are either, whole.
   *
   * @param bytes not to be modified
   */
  void save(byte[] bytes);

  /** One that keeps bytes as long as it lives: for tests, and clients that remember nothing. */
  static ClientStore inMemory() {
    return new ClientStore() {
      private Optional<byte[]> kept = Optional.empty();

      @Override
      public Optional<byte[]> load() {
        return kept;
      }

      @Override
      public void save(byte[] bytes) {
        kept = Optional.of(bytes);
      }
    };
  }
}
