package io.millrace.app;

import io.millrace.app.topics.TopicSpec;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a deployment needs of its topics. */
final class DeploymentTopics {
  private DeploymentTopics() {}

  /** Every topic once, in the order of the pipelines. */
  static List<TopicSpec> of(Deployment deployment) {
    Map<String, TopicSpec> specs = new LinkedHashMap<>();
    for (Pipeline pipeline : deployment.pipelines()) {
      for (TopicNeed need : pipeline.topics()) {
        specs.putIfAbsent(need.topic(), spec(deployment, need));
      }
    }
    String metrics = deployment.name() + ".metrics";
    specs.putIfAbsent(
        metrics,
        new TopicSpec(metrics, 1, deployment.replication(), Map.of("cleanup.policy", "delete")));
    return List.copyOf(specs.values());
  }

  private static TopicSpec spec(Deployment deployment, TopicNeed need) {
    Map<String, String> configs =
        switch (need.purpose()) {
          case MODEL -> Map.of("cleanup.policy", "compact", "max.message.bytes", "1048588");
          case INPUT ->
              Map.of(
                  "cleanup.policy",
                  "delete",
                  "max.message.bytes",
                  Integer.toString(
                      Math.max(1_048_588, deployment.engine().maximumRecordBytes() + 4096)));
          default -> Map.of("cleanup.policy", "delete");
        };
    return new TopicSpec(need.topic(), deployment.partitions(), deployment.replication(), configs);
  }
}
