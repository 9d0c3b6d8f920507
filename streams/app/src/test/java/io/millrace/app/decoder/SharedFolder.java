package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Data that is not part of the project, in a folder beside it; tests skip where it is absent. */
final class SharedFolder {
  private SharedFolder() {}

  /** The bytes of a file; skips the test where there is none. */
  static byte[] bytes(String name) {
    Path file = folder().resolve(name);
    assumeTrue(
        Files.isRegularFile(file),
        name + " is not at " + folder().toAbsolutePath() + " (-Dmillrace.shared=FOLDER)");
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String text(String name) {
    return new String(bytes(name), StandardCharsets.UTF_8);
  }

  static float[] floats(String name) {
    ByteBuffer bytes = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  /** A thousand stories. */
  static String[] stories() {
    byte[] packed = bytes("tinystories-text/tinystories_1000.json.gz");
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
      return new ObjectMapper().readValue(in, String[].class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path folder() {
    String named = System.getProperty("millrace.shared");
    if (named != null) {
      return Path.of(named);
    }
    Path above = Path.of("").toAbsolutePath();
    while (above != null && !Files.isDirectory(above.resolve("shared/data"))) {
      above = above.getParent();
    }
    return (above == null ? Path.of("") : above).resolve("shared/data");
  }
}
