package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pages of every released version restore to the same bits, and today's writer is the newest. */
class GoldenPagesTest {

  static Stream<String> restored() {
    return new String(resource(GoldenPages.RESTORED), StandardCharsets.UTF_8).lines();
  }

  @ParameterizedTest
  @MethodSource("restored")
  void restoresToTheSameBits(String line) {
    String[] fields = line.split(" ");
    PageFrame frame = PageFrame.decode(ByteBuffer.wrap(resource(fields[0])));
    String name = fields[0].substring(0, fields[0].lastIndexOf('.'));
    PageCodec codec =
        PageCodecs.reading(frame.codec(), frame.parameters(), GoldenPages.codec(name).model());
    float[] values = new float[frame.shape().values()];
    codec.open(frame.shape(), frame.kind(), frame.payload()).restore(values);
    assertEquals(fields[1], Integer.toHexString(GoldenPages.checksum(values)));
  }

  static Stream<String> names() {
    return PageCodecs.names().stream();
  }

  @ParameterizedTest
  @MethodSource("names")
  void writesTheSameBytes(String name) {
    for (PageKind kind : PageKind.values()) {
      assertArrayEquals(
          resource(GoldenPages.file(name, kind)),
          GoldenPages.frame(GoldenPages.codec(name), kind),
          kind.toString());
    }
  }

  private static byte[] resource(String file) {
    String path = "/golden/" + GoldenPages.FOLDER + "/" + file;
    try (InputStream in = GoldenPagesTest.class.getResourceAsStream(path)) {
      return Optional.ofNullable(in)
          .orElseThrow(() -> new IllegalStateException("no " + path + ": see GoldenPages"))
          .readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
