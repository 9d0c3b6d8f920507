package io.millrace.app.topics;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The topics of a deployment with the settings that their purpose asks for.
 *
 * <p>Models are compacted, so that a follower finds every version however old; everything else is a
 * log that the cluster's own retention bounds. All have the same number of partitions: a key's
 * input, codes and dead letters then lie in partitions of one number.
 */
public final class DeploymentTopics {
  /**
   * Values up to this fit Kafka's default bound on a batch, max.message.bytes=1048588, well enough.
   */
  private static final int FITS_BY_DEFAULT_BYTES = 1 << 20;

  /** What Kafka adds to the value of a single record: batch header, record header, key. */
  private static final int OVERHEAD_BYTES = 4096;

  private DeploymentTopics() {}

  /** One specification per topic, in the order of pipelines; a topic that two share comes once. */
  public static List<TopicSpec> of(Deployment deployment) {
    Map<String, TopicSpec> topics = new LinkedHashMap<>();
    for (Pipeline pipeline : deployment.pipelines()) {
      for (TopicNeed need : pipeline.topics()) {
        topics.putIfAbsent(need.topic(), topic(deployment, need));
      }
    }
    String metrics = metrics(deployment);
    topics.putIfAbsent(
        metrics,
        new TopicSpec(metrics, 1, deployment.replication(), Map.of("cleanup.policy", "delete")));
    return List.copyOf(topics.values());
  }

  /** Topic of the deployment's own measurements. */
  public static String metrics(Deployment deployment) {
    return deployment.name() + ".metrics";
  }

  private static TopicSpec topic(Deployment deployment, TopicNeed need) {
    Map<String, String> configs = new TreeMap<>();
    configs.put("cleanup.policy", need.purpose() == Purpose.MODEL ? "compact" : "delete");
    long needed = (long) deployment.engine().maximumRecordBytes() + OVERHEAD_BYTES;
    boolean raise = deployment.engine().maximumRecordBytes() > FITS_BY_DEFAULT_BYTES;
    if (need.purpose() == Purpose.INPUT && raise) {
      configs.put("max.message.bytes", Long.toString(Math.min(needed, Integer.MAX_VALUE)));
    }
    return new TopicSpec(need.topic(), deployment.partitions(), deployment.replication(), configs);
  }
}
