package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.millrace.runtime.Deployment;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.streams.Topology;
import org.junit.jupiter.api.Test;

class KafkaRunTest {
  private static KafkaPipeline pipeline() {
    Deployment nowhere =
        Deployment.parse(
            "plant.yaml",
            """
            name: plant
            kafka: {bootstrap.servers: "127.0.0.1:1"}
            pipelines:
              - name: pumps
                window: {length: 8}
            """,
            Map.of());
    Topology idle = new Topology();
    idle.addSource("in", "input");
    return KafkaPipeline.copy(nowhere, idle);
  }

  @Test
  void aRunEndsWithWhicheverPipelineEndsFirst() {
    KafkaPipeline goesOn = pipeline();
    KafkaPipeline ends = pipeline();
    try (KafkaRun run = KafkaRun.of(goesOn, ends)) {
      ends.close();
      assertTimeoutPreemptively(Duration.ofSeconds(30), run::awaitEnd);
    }
  }
}
