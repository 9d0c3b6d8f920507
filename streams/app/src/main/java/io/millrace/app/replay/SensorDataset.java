package io.millrace.app.replay;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/** A finite source of readings that can be read again and again. */
public interface SensorDataset {
  /** Event time of the first reading of sources that have no clock: 2026-01-01T00:00:00Z. */
  long BASE_MICROS = Instant.parse("2026-01-01T00:00:00Z").getEpochSecond() * 1_000_000L;

  /** How a user names it. */
  String name();

  /**
   * Opens it at its first reading.
   *
   * @throws java.io.UncheckedIOException if it cannot be read
   * @throws IllegalArgumentException if its header does not fit what was asked for
   */
  ReadingCursor open();

  /**
   * The shipped set of that name, {@code ecg} or {@code wsn}, unless a file of that name is here.
   */
  static Optional<SensorDataset> shipped(String name) {
    if (Files.exists(Path.of(name))) {
      return Optional.empty();
    }
    return switch (name) {
      case "ecg" -> Optional.of(new EcgDataset());
      case "wsn" -> Optional.of(new WsnDataset());
      default -> Optional.empty();
    };
  }
}
