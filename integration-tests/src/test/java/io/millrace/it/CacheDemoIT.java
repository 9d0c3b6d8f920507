package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A decoder writes through the KV cache, another one continues from its pages. */
class CacheDemoIT {
  private static final Path DIRECTORY = Path.of("target", "cache-demo-it");

  @ParameterizedTest
  @ValueSource(strings = {"kafka-streams", "flink"})
  void continuesSessionsFromTheirPagesAndReportsTheLoss(String engine) throws IOException {
    JsonNode root =
        DemoReport.of(
            DIRECTORY,
            "Writing and reading. Page: ",
            "demo",
            "kvcache",
            "--engine",
            engine,
            "--for",
            "40s");
    assertTrue(root.path("millrace").isTextual());
    assertTrue(root.path("page").asText().startsWith("http://127.0.0.1:"));
    JsonNode pipeline = root.path("pipeline");
    assertEquals(engine, pipeline.path("engine").asText());
    assertTrue(pipeline.path("recordsIn").asLong() > 500);
    assertTrue(pipeline.path("recordsOut").asLong() > 100);
    assertEquals(0, pipeline.path("deadLetters").asLong());
    assertEquals(0, pipeline.path("restarts").asLong());
    assertEquals(3, root.path("tiers").size());
    JsonNode exact = root.path("tiers").get(0);
    assertEquals("EXACT", exact.path("tier").asText());
    assertTrue(exact.path("pages").asLong() > 0);
    assertTrue(root.path("compressedBitsPerValue").asDouble() < 3, root.toString());
    JsonNode continuation = root.path("continuation");
    assertTrue(continuation.path("continued").asLong() > 0, root.toString());
    assertTrue(continuation.path("tokens").asLong() > 100, root.toString());
    // held-out text costs 1.4 nats; text drawn with little heat from the model itself half of it
    double exactNats = continuation.path("exactNats").asDouble();
    assertTrue(exactNats > 0.3 && exactNats < 1.4, root.toString());
    assertTrue(Math.abs(continuation.path("addedNats").asDouble()) < 0.05, root.toString());
    assertEquals(4, continuation.path("headErrors").size());
    for (JsonNode layer : continuation.path("headErrors")) {
      assertEquals(4, layer.size());
      for (JsonNode head : layer) {
        // not zero: it is pages that are read, and not what the writer held
        assertTrue(head.asDouble() > 1e-4 && head.asDouble() < 0.5, root.toString());
      }
    }
    JsonNode text = continuation.path("texts").get(0);
    assertTrue(text.path("exact").asText().length() > 50);
    assertTrue(text.path("pages").asText().length() > 50);
  }
}
