package io.millrace.operator.federated;

/**
 * One chunk of a client's update, as it came, until a version takes it or it is dropped.
 *
 * @param source whose, and on what
 * @param codec name of the payloads' codec
 * @param digest of the chunk, 32 bytes
 * @param payload packed
 * @param second packed likewise; empty where the method sends none
 * @param largest value in size, unpacked and, of a linear codec, packed; of both payloads
 */
record PendingUpdate(
    Source source, String codec, byte[] digest, byte[] payload, byte[] second, float largest) {

  /**
   * Whose update.
   *
   * @param sequence of its task
   * @param baseVersion that the client started from
   * @param seed of random codecs
   */
  record Source(String client, long sequence, long baseVersion, long seed) {}

  /** Bytes of its payloads. */
  long bytes() {
    return (long) payload.length + second.length;
  }

  /** The update, [length]. */
  float[] values(int length) {
    return UpdateCodecs.named(codec).decode(payload, length, source.seed());
  }

  /** What came with it, [length]. */
  float[] secondValues(int length) {
    return UpdateCodecs.named(codec).decode(second, length, source.seed());
  }
}
