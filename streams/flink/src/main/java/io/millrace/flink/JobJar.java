package io.millrace.flink;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** The jar that a cluster gets: the one that this class was loaded from. */
final class JobJar {
  private JobJar() {}

  /**
   * Where it is.
   *
   * @throws IllegalStateException when these classes do not come from the job jar
   */
  static URI location() {
    try {
      URI location = JobJar.class.getProtectionDomain().getCodeSource().getLocation().toURI();
      if (!Path.of(location).getFileName().toString().endsWith("-job.jar")) {
        throw new IllegalStateException(
            location + " cannot be submitted: only the packaged job jar can");
      }
      return location;
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
