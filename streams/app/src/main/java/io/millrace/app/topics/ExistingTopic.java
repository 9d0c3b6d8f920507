package io.millrace.app.topics;

import java.util.Map;
import java.util.Objects;

/**
 * A topic as it is on the cluster.
 *
 * @param partitions of the topic
 * @param replication copies of its first partition
 * @param configs all settings in force, the cluster's defaults included
 */
record ExistingTopic(int partitions, int replication, Map<String, String> configs) {
  ExistingTopic {
    configs = Map.copyOf(Objects.requireNonNull(configs, "configs"));
  }
}
