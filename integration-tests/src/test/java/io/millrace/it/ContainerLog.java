package io.millrace.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;
import org.testcontainers.containers.output.OutputFrame;

/**
 * Keeps what a container prints in a file.
 *
 * @param file appended to; its directory is there
 */
record ContainerLog(Path file) implements Consumer<OutputFrame> {
  private static final int TAIL_LINES = 40;

  @Override
  public synchronized void accept(OutputFrame frame) {
    if (frame.getBytes() == null) {
      return; // The end.
    }
    try {
      Files.write(file, frame.getBytes(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Last lines. */
  String tail() {
    try {
      List<String> lines = Files.readAllLines(file);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
    } catch (IOException e) {
      return "(" + file + " cannot be read: " + e + ")";
    }
  }
}
