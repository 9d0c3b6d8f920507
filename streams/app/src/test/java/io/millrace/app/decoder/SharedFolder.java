package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

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

  static float[] floats(String name) {
    ByteBuffer bytes = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  /** Where it is, or would be. */
  static Path folder() {
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
