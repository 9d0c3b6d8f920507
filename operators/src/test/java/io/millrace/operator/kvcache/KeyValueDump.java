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
 * folder; keys and queries after the rotary step, if the model has one.
 *
 * @param firstToken position of the first
 */
record KeyValueDump(
    String model,
    int layers,
    long firstToken,
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
              0,
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
    Path above = Path.of("").toAbsolutePath();
    while (above != null && !Files.isDirectory(above.resolve("shared/data"))) {
      above = above.getParent();
    }
    return (above == null ? Path.of("") : above).resolve("shared/data/kv-dumps");
  }

  int channels() {
    return heads * headDimension;
  }

  /** Whether keys and queries turn with their position: neighbours, base 10000, all channels. */
  boolean turns() {
    return !model.equals("minilm-l6");
  }

  /** Its tokens from {@code first} on, as if there had been none before. */
  KeyValueDump from(int first) {
    int channels = channels();
    return new KeyValueDump(
        model,
        layers,
        firstToken + first,
        tokens - first,
        queryHeads,
        heads,
        headDimension,
        cut(keys, first, channels),
        cut(values, first, channels),
        cut(queries, first, queryHeads * headDimension));
  }

  private float[] cut(float[] all, int first, int width) {
    float[] rest = new float[layers * (tokens - first) * width];
    for (int layer = 0; layer < layers; layer++) {
      System.arraycopy(
          all,
          (layer * tokens + first) * width,
          rest,
          layer * (tokens - first) * width,
          (tokens - first) * width);
    }
    return rest;
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
