package io.millrace.runtime;

/**
 * MurmurHash2, 32 bits (Austin Appleby, 2008, public domain), with the seed of Kafka's Java
 * clients: what decides on the partition of a key there. Stateless.
 */
final class Murmur2 {
  private static final int SEED = 0x9747b28c;
  private static final int FACTOR = 0x5bd1e995;
  private static final int SHIFT = 24;

  private Murmur2() {}

  /** The hash of bytes, any 32 bits. */
  static int hash(byte[] bytes) {
    int hash = SEED ^ bytes.length;
    int whole = bytes.length & ~3;
    for (int i = 0; i < whole; i += 4) {
      int word = at(bytes, i) | at(bytes, i + 1) << 8 | at(bytes, i + 2) << 16 | bytes[i + 3] << 24;
      word *= FACTOR;
      word ^= word >>> SHIFT;
      word *= FACTOR;
      hash = hash * FACTOR ^ word;
    }
    if (whole < bytes.length) {
      for (int i = bytes.length - 1; i >= whole; i--) {
        hash ^= at(bytes, i) << 8 * (i - whole);
      }
      hash *= FACTOR;
    }
    hash ^= hash >>> 13;
    hash *= FACTOR;
    return hash ^ hash >>> 15;
  }

  private static int at(byte[] bytes, int index) {
    return bytes[index] & 0xff;
  }
}
