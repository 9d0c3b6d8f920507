package io.millrace.app;

import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The engines beside the app: one folder of jars each, engines/NAME. A process gets one of them on
 * its class path, never two: they bring different builds of the same libraries (RocksDB above all).
 * What both share (the runtime, the Kafka clients, meters, logging) comes from the app.
 */
public final class Engines {
  /** The engine that runs where none is named. */
  public static final String DEFAULT = "kafka-streams";

  /**
   * What a deployment file may have settings for, wherever it runs: an image may have one engine.
   */
  private static final List<String> RELEASED = List.of("flink", "kafka-streams");

  private Engines() {}

  /** Names of the engines that are there, in order. */
  public static List<String> names() {
    Path directory = directory();
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> folders = Files.list(directory)) {
      return folders
          .filter(Files::isDirectory)
          .map(folder -> folder.getFileName().toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new IllegalStateException(directory + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Loads an engine, once and for all in this process.
   *
   * @throws ConfigurationException for one that is not there
   * @throws IllegalStateException where the process has another engine already
   */
  public static synchronized Engine load(String name) {
    Optional<Engine> present = onClassPath();
    if (present.isEmpty()) {
      if (!names().contains(name)) {
        throw new ConfigurationException(
            "--engine: got " + name + ", expected one of " + String.join(", ", names()));
      }
      EngineClassPath.add(jars(name));
      present = onClassPath();
    }
    Engine engine =
        present.orElseThrow(
            () -> new IllegalStateException(directory().resolve(name) + " has no engine"));
    if (!engine.name().equals(name)) {
      throw new IllegalStateException(
          "this process has " + engine.name() + ", so it cannot load " + name);
    }
    return engine;
  }

  private static Optional<Engine> onClassPath() {
    return ServiceLoader.load(Engine.class, Engines.class.getClassLoader()).findFirst();
  }

  /**
   * Refuses settings for engines that do not exist.
   *
   * @throws ConfigurationException for the first one
   */
  public static void requireKnown(Deployment deployment) {
    Set<String> known = new TreeSet<>(names());
    known.addAll(RELEASED);
    for (String name : deployment.engines().keySet()) {
      if (!known.contains(name)) {
        throw new ConfigurationException(
            deployment.source().file()
                + ": engines."
                + name
                + ": got an unknown engine, expected one of "
                + String.join(", ", known));
      }
    }
  }

  private static List<Path> jars(String name) {
    try (Stream<Path> files = Files.list(directory().resolve(name))) {
      return files.filter(file -> file.toString().endsWith(".jar")).sorted().toList();
    } catch (IOException e) {
      throw new IllegalStateException(
          directory().resolve(name) + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Beside the app's jar, or its folder of classes. */
  private static Path directory() {
    try {
      return Path.of(Engines.class.getProtectionDomain().getCodeSource().getLocation().toURI())
          .resolveSibling("engines");
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
