package io.millrace.app.topics;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A topic as a pipeline needs it.
 *
 * @param name of the topic
 * @param partitions 1 or more
 * @param replication copies of each partition; 0: the cluster's default
 * @param configs topic settings that matter to the pipeline, for example cleanup.policy=compact
 */
public record TopicSpec(String name, int partitions, int replication, Map<String, String> configs) {
  private static final String LEGAL_NAME = "[a-zA-Z0-9._-]{1,249}";

  public TopicSpec {
    if (!name.matches(LEGAL_NAME) || name.equals(".") || name.equals("..")) {
      throw new IllegalArgumentException(
          "topic is \"" + name + "\", expected 1 to 249 letters, digits, dots, _ or -");
    }
    if (partitions < 1) {
      throw new IllegalArgumentException(
          "topic " + name + " has " + partitions + " partitions, expected 1 or more");
    }
    if (replication < 0 || replication > Short.MAX_VALUE) {
      throw new IllegalArgumentException(
          "topic " + name + " has replication " + replication + ", expected 1 or more, or 0");
    }
    configs = Collections.unmodifiableMap(new TreeMap<>(configs));
  }
}
