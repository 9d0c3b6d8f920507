package io.millrace.flink;

import io.millrace.runtime.Trace;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.flink.core.execution.SavepointFormatType;

/**
 * Writes the savepoints of a newborn state layout: {@code GoldenSavepoints FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Those of a released version are never written
 * again.
 */
final class GoldenSavepoints {
  static final String VERSION = "v1";

  private GoldenSavepoints() {}

  /** Readings of a trace that a savepoint has behind it. */
  static int readings(String trace) {
    return trace.equals(Trace.SENSORS) ? 260 : 140;
  }

  public static void main(String[] arguments) throws Exception {
    Path folder = Files.createDirectories(Path.of(arguments[0]).resolve(VERSION));
    for (String name : List.of(Trace.SENSORS, Trace.SHARED)) {
      for (SavepointFormatType format : SavepointFormatType.values()) {
        String file = name + "-" + format.name().toLowerCase(Locale.ROOT);
        write(Trace.load(name), name, format, folder.resolve(file));
      }
    }
  }

  /** Two tasks each have written their share. */
  private static void write(Trace trace, String name, SavepointFormatType format, Path to)
      throws Exception {
    Path scratch = Files.createTempDirectory("golden");
    TraceJob job = new TraceJob(trace, scratch);
    if (name.equals(Trace.SHARED)) {
      String models =
          new TraceJob(trace, scratch).readings(Permits.NONE).runToSavepoint(1, -1, format);
      job.resume(models);
    }
    int readings = readings(name);
    String savepoint =
        job.readings(new Permits(readings, readings))
            .transcript("unread")
            .runToSavepoint(2, readings - 1, format);
    copy(Path.of(URI.create(savepoint)), Files.createDirectories(to));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (var files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }
}
