package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;

/** Keys of federated records, and the names in them. Stateless. */
public final class FederatedKeys {
  /** Chunks of a model at most: six digits. */
  public static final int MOST_CHUNKS = 1_000_000;

  private static final int LONGEST_NAME = 128;
  private static final int CHUNK_DIGITS = 6;
  private static final int VERSION_DIGITS = 16;

  private FederatedKeys() {}

  /** Key of everything about one chunk on the updates topic: MODEL/CHUNK. */
  public static String chunk(String model, int chunk) {
    return model + '/' + padded(chunk, CHUNK_DIGITS);
  }

  /** Key of a chunk of a version: MODEL@VERSION#CHUNK. */
  public static String modelChunk(String model, long version, int chunk) {
    return version(model, version) + '#' + padded(chunk, CHUNK_DIGITS);
  }

  /** Key of a version: MODEL@VERSION. */
  public static String version(String model, long version) {
    return model + '@' + padded(version, VERSION_DIGITS);
  }

  /** Name of a node's own model among nodes that mix: MODEL:NODE. */
  public static String node(String model, String node) {
    return model + ':' + node;
  }

  /** Key of what concerns a client: MODEL/CLIENT. */
  public static String client(String model, String client) {
    return model + '/' + client;
  }

  /** Key of what is held of a client's chunk: MODEL/CLIENT/CHUNK. */
  public static String clientChunk(String model, String client, int chunk) {
    return chunk(client(model, client), chunk);
  }

  /** Key of who masks with whom: MODEL#cohort. */
  public static String cohort(String model) {
    return model + "#cohort";
  }

  /** Key of the shares dealt to a client: MODEL/CLIENT#shares. */
  public static String shares(String model, String client) {
    return client(model, client) + "#shares";
  }

  /** Key of whose updates are in a masked sum: MODEL#survivors. */
  public static String survivors(String model) {
    return model + "#survivors";
  }

  /**
   * The chunk in a key of {@link #chunk}: what the updates topic is partitioned by.
   *
   * @throws InvalidInputException for another kind of key
   */
  public static int chunkOf(String key) {
    int slash = key.length() - CHUNK_DIGITS - 1;
    int chunk = 0;
    boolean valid = slash > 0 && key.charAt(slash) == '/' && isName(key.substring(0, slash));
    for (int i = slash + 1; valid && i < key.length(); i++) {
      char digit = key.charAt(i);
      valid = digit >= '0' && digit <= '9';
      chunk = 10 * chunk + (digit - '0');
    }
    if (!valid) {
      throw new InvalidInputException(
          Reason.BAD_KEY,
          "key is "
              + (key.length() > 2 * LONGEST_NAME ? key.length() + " characters" : key)
              + ", expected MODEL/CHUNK with CHUNK as 6 digits");
    }
    return chunk;
  }

  /**
   * The model in a key of {@link #chunk}.
   *
   * @throws InvalidInputException for another kind of key
   */
  public static String modelOf(String key) {
    chunkOf(key);
    return key.substring(0, key.length() - CHUNK_DIGITS - 1);
  }

  /** Whether a text may name a model or a client: 1 to 128 letters, digits, {@code . - _ :}. */
  public static boolean isName(String text) {
    boolean valid = !text.isEmpty() && text.length() <= LONGEST_NAME;
    for (int i = 0; valid && i < text.length(); i++) {
      char c = text.charAt(i);
      valid =
          c >= 'a' && c <= 'z'
              || c >= 'A' && c <= 'Z'
              || c >= '0' && c <= '9'
              || ".-_:".indexOf(c) >= 0;
    }
    return valid;
  }

  private static String padded(long number, int digits) {
    String text = Long.toString(number);
    return "0".repeat(Math.max(0, digits - text.length())) + text;
  }
}
