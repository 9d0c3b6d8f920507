package io.millrace.it;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.testcontainers.utility.DockerImageName;

/** The images of {@code docker/}: those that its list names, and our own, built from this build. */
final class ContainerImages {
  static final Path DOCKER = Path.of("..", "docker").toAbsolutePath().normalize();

  static final DockerImageName KAFKA_STREAMS = DockerImageName.parse("millrace/kafka-streams");
  static final DockerImageName APP = DockerImageName.parse("millrace/app");
  static final DockerImageName FLINK = DockerImageName.parse("millrace/flink");

  private static boolean ensured;

  private ContainerImages() {}

  /** The image that the list gives a name, for example {@code KAFKA_IMAGE}. */
  static DockerImageName external(String name) {
    return DockerImageName.parse(listed(name));
  }

  /** What the list says for a name. */
  static String listed(String name) {
    Properties list = new Properties();
    try (Reader reader = Files.newBufferedReader(DOCKER.resolve(".env"))) {
      list.load(reader);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return list.getProperty(name);
  }

  /**
   * Pulls or makes what is missing and builds our own, once in a run; a build of nothing new takes
   * a second.
   */
  static synchronized void ensure() {
    if (ensured) {
      return;
    }
    try {
      Process images =
          new ProcessBuilder(DOCKER.resolve("images").toString()).redirectErrorStream(true).start();
      String said = new String(images.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (images.waitFor() != 0) {
        throw new IllegalStateException("docker/images failed:\n" + said);
      }
      System.out.print(said);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    ensured = true;
  }
}
