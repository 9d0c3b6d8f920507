package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedKeys;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/**
 * Which partition of a topic a key's records lie in, the same on every engine. A pure function of
 * key and number of partitions.
 *
 * <p>Where it is prescribed, a record elsewhere is refused: a copy of a good record in another
 * partition would meet a second state of its key there, which knows nothing of the first.
 */
public enum Partitioning {
  /** As the client that writes sees fit; Kafka's own clients: by a hash of the key. */
  ANY {
    @Override
    public OptionalInt partition(byte[] key, int partitions) {
      return OptionalInt.empty();
    }
  },

  /** Murmur2 of the key, as Kafka's Java clients do it by default. */
  BY_KEY {
    @Override
    public OptionalInt partition(byte[] key, int partitions) {
      return OptionalInt.of((Murmur2.hash(key) & Integer.MAX_VALUE) % partitions);
    }
  },

  /**
   * The chunk in a key of a federated model's updates, modulo the partitions: the chunks of one
   * model spread evenly, whatever its name.
   */
  BY_CHUNK {
    @Override
    public OptionalInt partition(byte[] key, int partitions) {
      return OptionalInt.of(
          FederatedKeys.chunkOf(new String(key, StandardCharsets.UTF_8)) % partitions);
    }
  };

  /**
   * The partition of a key; empty: any.
   *
   * @param key not modified
   * @param partitions of the topic, 1 or more
   * @throws InvalidInputException for a key that has no place
   */
  public abstract OptionalInt partition(byte[] key, int partitions);

  /**
   * Passes records that lie where they belong.
   *
   * @param record with a legal key
   * @throws InvalidInputException for any other
   */
  void require(TopicRecord record, int partitions) {
    OptionalInt expected = partition(record.key(), partitions);
    if (expected.isPresent() && expected.getAsInt() != record.partition()) {
      throw new InvalidInputException(
          Reason.BAD_KEY,
          "record lies in partition "
              + record.partition()
              + ", its key belongs in "
              + expected.getAsInt()
              + " of "
              + partitions);
    }
  }
}
