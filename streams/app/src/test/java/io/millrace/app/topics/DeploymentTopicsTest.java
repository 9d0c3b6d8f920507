package io.millrace.app.topics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.runtime.Deployment;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class DeploymentTopicsTest {

  @Test
  void compactsWhatIsKeyedAndDeletesWhatIsALog() {
    Deployment deployment =
        Deployment.parse(
            "d.yaml",
            "name: d\nkafka: {bootstrap.servers: b}\ntopics: {partitions: 3}\n"
                + "pipelines: [{name: a}, {name: kv, operator: kv-cache}]\n",
            Map.of());
    Map<String, String> policies = new TreeMap<>();
    for (TopicSpec topic : DeploymentTopics.of(deployment)) {
      policies.put(topic.name(), topic.configs().get("cleanup.policy"));
    }
    assertEquals(
        new TreeMap<>(
            Map.ofEntries(
                Map.entry("a.readings", "delete"),
                Map.entry("a.codes", "delete"),
                Map.entry("a.anomalies", "delete"),
                Map.entry("a.dictionaries", "compact"),
                Map.entry("a.dead-letters", "delete"),
                Map.entry("kv.blocks", "delete"),
                Map.entry("kv.pages", "compact"),
                Map.entry("kv.samples", "delete"),
                Map.entry("kv.bases", "compact"),
                Map.entry("kv.dead-letters", "delete"),
                Map.entry("d.metrics", "delete"))),
        policies);
  }
}
