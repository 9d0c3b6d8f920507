package io.millrace.app.cache;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/**
 * Writes a dense tensor: as NumPy's format 1.0 where the name ends in .npy, otherwise as plain
 * little-endian float32 with a JSON file beside it that tells shape and origin.
 */
final class TensorFile {
  private static final int NUMPY_ALIGNMENT = 64;

  private TensorFile() {}

  /**
   * Writes.
   *
   * @param values [tokens x heads x headDimension]
   * @param origin names and numbers that the JSON file tells; text without quotes
   */
  static void write(
      Path file, float[] values, int heads, int headDimension, Map<String, Object> origin)
      throws IOException {
    int tokens = values.length / (heads * headDimension);
    String shape = String.format(Locale.ROOT, "%d, %d, %d", tokens, heads, headDimension);
    boolean numpy = file.getFileName().toString().endsWith(".npy");
    try (OutputStream out = Files.newOutputStream(file)) {
      if (numpy) {
        out.write(numpyHeader(shape));
      }
      ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
      for (int from = 0; from < values.length; from += bytes.capacity() / Float.BYTES) {
        int count = Math.min(bytes.capacity() / Float.BYTES, values.length - from);
        bytes.clear();
        bytes.asFloatBuffer().put(values, from, count);
        out.write(bytes.array(), 0, count * Float.BYTES);
      }
    }
    if (!numpy) {
      StringBuilder json = new StringBuilder("{\"dtype\": \"float32 little-endian\"");
      json.append(", \"shape\": [").append(shape).append("]");
      origin.forEach(
          (name, value) -> json.append(", \"").append(name).append("\": ").append(quoted(value)));
      Files.writeString(
          file.resolveSibling(file.getFileName() + ".json"), json.append("}\n").toString());
    }
  }

  private static String quoted(Object value) {
    return value instanceof Number ? value.toString() : "\"" + value + "\"";
  }

  private static byte[] numpyHeader(String shape) {
    String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }";
    int length = 10 + text.length() + 1;
    int padded = (length + NUMPY_ALIGNMENT - 1) / NUMPY_ALIGNMENT * NUMPY_ALIGNMENT;
    String line = text + " ".repeat(padded - length) + "\n";
    return ByteBuffer.allocate(padded)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
        .putShort((short) line.length())
        .put(line.getBytes(StandardCharsets.US_ASCII))
        .array();
  }
}
