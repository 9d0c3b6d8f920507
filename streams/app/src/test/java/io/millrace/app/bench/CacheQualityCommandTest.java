package io.millrace.app.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CacheQualityCommandTest {

  @Test
  void measuresTheShippedDecoderAndWritesTheSameAsJson(@TempDir Path folder) throws IOException {
    Path json = folder.resolve("quality.json");
    StringWriter out = new StringWriter();
    int code =
        new CommandLine(new BenchCommand())
            .setOut(new PrintWriter(out, true))
            .execute("kvcache-quality", "--quick", "--json", json.toString());

    assertEquals(0, code);
    JsonNode lines = new ObjectMapper().readTree(Files.readAllBytes(json));
    assertEquals(4, lines.size());
    JsonNode kivi = lines.get(0).path("row");
    assertEquals("kivi-2", kivi.path("codec").asText());
    assertEquals(3.06, kivi.path("bits").asDouble(), 0.01);
    JsonNode learned = lines.get(2).path("row");
    assertEquals("transform-1.2", learned.path("codec").asText());
    assertTrue(learned.path("outputs").asDouble() < kivi.path("outputs").asDouble() / 3);
    assertTrue(out.toString().contains("| kivi-2 | 64, 0 | 3.06 |"), out.toString());
  }
}
