package io.millrace.operator.kvcache;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keys, values and queries of a real model, [layer x token x head x channel], from the shared data
 * folder.
 */
record KeyValueDump(
    String model,
    int layers,
    int tokens,
    int queryHeads,
    int heads,
    int headDimension,
    float[] keys,
    float[] values,
    float[] queries) {

  /** The dump of a model; empty where the shared folder is absent. */
  static Optional<KeyValueDump> of(String model) {
    Path folder = folder();
    if (!Files.isRegularFile(folder.resolve(model + ".json"))) {
      return Optional.empty();
    }
    try {
      String header = Files.readString(folder.resolve(model + ".json"));
      return Optional.of(
          new KeyValueDump(
              model,
              number(header, "layers"),
              number(header, "tokens"),
              number(header, "heads"),
              number(header, "kv_heads"),
              number(header, "head_dim"),
              floats(folder.resolve(model + ".k.f32")),
              floats(folder.resolve(model + ".v.f32")),
              floats(folder.resolve(model + ".q.f32"))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path folder() {
    String named = System.getProperty("millrace.shared");
    if (named != null) {
      return Path.of(named).resolve("kv-dumps");
    }
    Path beside = Path.of("../../shared/data");
    return (Files.isDirectory(beside) ? beside : Path.of("../../../shared/data"))
        .resolve("kv-dumps");
  }

  int channels() {
    return heads * headDimension;
  }

  /** Tokens from {@code first} of one layer, [count x heads x headDimension]. */
  float[] span(PageKind kind, int layer, int first, int count) {
    float[] all = kind == PageKind.KEYS ? keys : values;
    int from = (layer * tokens + first) * channels();
    return Arrays.copyOfRange(all, from, from + count * channels());
  }

  private static int number(String json, String field) {
    Matcher found = Pattern.compile("\"" + field + "\": (\\d+)").matcher(json);
    if (!found.find()) {
      throw new IllegalArgumentException("no " + field);
    }
    return Integer.parseInt(found.group(1));
  }

  private static float[] floats(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(values);
    return values;
  }
}
