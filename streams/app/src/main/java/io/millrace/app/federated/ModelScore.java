package io.millrace.app.federated;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * How good a model is, as a command of the user says: it gets the path of a file of the model's
 * numbers behind its own arguments, and prints one number, the more the better. One thread.
 *
 * @param command for the shell
 * @param elementBytes of a number in the file: 4 or 8, little-endian
 * @param patience for one model
 */
record ModelScore(String command, int elementBytes, Duration patience)
    implements ToDoubleFunction<double[]> {
  private static final int LONGEST_ANSWER = 1 << 16;

  /**
   * @throws IllegalStateException for a command that fails, takes too long or prints no number
   */
  @Override
  public double applyAsDouble(double[] values) {
    try {
      Path model = Files.createTempFile("millrace-soup", ".model");
      Path answer = Files.createTempFile("millrace-soup", ".score");
      try {
        Files.write(model, bytes(values, elementBytes));
        return run(model, answer);
      } finally {
        Files.deleteIfExists(model);
        Files.deleteIfExists(answer);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private double run(Path model, Path answer) throws IOException {
    Process process =
        new ProcessBuilder("sh", "-c", command + " \"$1\"", "sh", model.toString())
            .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(answer.toFile())
            .redirectError(Redirect.INHERIT)
            .start();
    try {
      if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IllegalStateException(command + " did not end within " + patience);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while " + command + " ran", e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    if (process.exitValue() != 0 || Files.size(answer) > LONGEST_ANSWER) {
      throw new IllegalStateException(
          command + " ended with " + process.exitValue() + ", expected 0 and one number");
    }
    String text = Files.readString(answer, StandardCharsets.UTF_8).strip();
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalStateException(
          command
              + " printed "
              + text.lines().findFirst().orElse("nothing")
              + ", expected a number");
    }
  }

  /** A model's numbers as a file has them. */
  static byte[] bytes(double[] values, int elementBytes) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, elementBytes))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      if (elementBytes == Float.BYTES) {
        bytes.putFloat((float) value);
      } else {
        bytes.putDouble(value);
      }
    }
    return bytes.array();
  }
}
