package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The main job, as a newcomer runs it. */
class DemoIT {
  private static final Path DIRECTORY = Path.of("target", "demo-it");

  @ParameterizedTest
  @ValueSource(strings = {"kafka-streams", "flink"})
  void learnsFromBothSetsAndReportsWhatItDid(String engine) throws IOException {
    JsonNode root =
        DemoReport.of(DIRECTORY, "Learning. Page: ", "demo", "--engine", engine, "--for", "20s");
    assertTrue(root.path("millrace").isTextual());
    assertTrue(root.path("seconds").asDouble() >= 20);
    assertTrue(root.path("page").asText().startsWith("http://127.0.0.1:"));
    assertEquals(2, root.path("pipelines").size());
    for (JsonNode pipeline : root.path("pipelines")) {
      String name = pipeline.path("name").asText();
      assertEquals("dictionary", pipeline.path("family").asText(), name);
      assertEquals(engine, pipeline.path("engine").asText(), name);
      assertTrue(pipeline.path("recordsIn").asLong() > 2_000, name);
      assertTrue(pipeline.path("recordsOut").asLong() > 10, name);
      assertTrue(pipeline.path("recordsPerSecond").asDouble() > 0, name);
      assertEquals(0, pipeline.path("deadLetters").asLong(), name);
      assertTrue(pipeline.path("compressionRatio").asDouble() > 2, name);
      double error = pipeline.path("relativeError").asDouble();
      assertTrue(error > 0 && error < 1, name + ": " + error);
      assertTrue(pipeline.path("atomsInUse").asInt() > 0, name);
      assertTrue(pipeline.path("alarms").isIntegralNumber(), name);
      assertTrue(pipeline.path("modelVersions").asLong() > 1, name);
      assertEquals(0, pipeline.path("restarts").asLong(), name);
      assertEquals(0, pipeline.path("checkpointsFailed").asLong(), name);
      assertEquals(engine.equals("flink"), pipeline.path("checkpoints").asLong() > 0, name);
      assertEquals(engine.equals("flink"), pipeline.path("checkpointBytes").asLong() > 0, name);
      assertTrue(pipeline.path("outputTopics").size() >= 3, name);
      assertEquals(root.path("page"), pipeline.path("page"), name);
    }
  }
}
