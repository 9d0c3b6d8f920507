package io.millrace.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** The Docker engine of this machine, if one answers. */
final class DockerEngine {
  private static final String NONE =
      "no Docker engine answers, so the container tests are skipped; docker/engine up starts one";

  private DockerEngine() {}

  /** Skips the calling test, with one line, where no engine answers. */
  static void assumeAnswers() {
    boolean answers = answers();
    if (!answers) {
      // Reports of skipped tests leave the reason out.
      System.out.println("Skipped: " + NONE);
    }
    assumeTrue(answers, NONE);
  }

  /** Asks with the client, which the images are built with, too: a socket alone is not enough. */
  private static boolean answers() {
    try {
      Process question =
          new ProcessBuilder("docker", "info")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!question.waitFor(30, TimeUnit.SECONDS)) {
        question.destroyForcibly();
        return false;
      }
      return question.exitValue() == 0;
    } catch (IOException e) {
      return false; // No such command.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
