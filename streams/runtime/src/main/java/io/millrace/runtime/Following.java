package io.millrace.runtime;

import java.util.Set;

/**
 * Models that a stage follows.
 *
 * @param topic of model versions; empty: it follows none
 * @param ids of the models; empty: all of the topic
 * @param versions of one id that are kept, the newest ones
 */
public record Following(String topic, Set<String> ids, int versions) {
  /** Versions of a dictionary that are kept. */
  public static final int DICTIONARY_VERSIONS = 64;

  /** No models. */
  static final Following NOTHING = new Following("", Set.of(), 0);

  /** Copies the set. */
  public Following {
    ids = Set.copyOf(ids);
  }

  /** One dictionary. */
  public static Following dictionary(String topic, String id) {
    return new Following(topic, Set.of(id), DICTIONARY_VERSIONS);
  }

  /** Whether there is nothing to follow. */
  public boolean isNothing() {
    return topic.isEmpty();
  }

  /** Whether a model is followed. */
  boolean has(String id) {
    return ids.isEmpty() || ids.contains(id);
  }
}
