package io.millrace.app;

import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarFile;

/**
 * Adds the jars of one engine to this process's class path, before any class of it is used. The
 * manifest of the app's jar names this class as its launcher agent, which is how the Java platform
 * hands out the right to do so.
 *
 * <p>A class loader of its own for the engine would be the other way; Flink looks classes up
 * through the context class loader of threads that it does not make, which is always the class
 * path's.
 */
public final class EngineClassPath {
  private static volatile Instrumentation instrumentationOrNull;

  private EngineClassPath() {}

  /** Called by the Java platform before the main class of the jar. */
  public static void agentmain(String arguments, Instrumentation instrumentation) {
    instrumentationOrNull = instrumentation;
  }

  /**
   * Adds jars.
   *
   * @throws IllegalStateException when the process was not started from the app's jar
   */
  static void add(List<Path> jars) {
    Instrumentation instrumentation = instrumentationOrNull;
    if (instrumentation == null) {
      throw new IllegalStateException(
          "an engine is loaded only where the app was started from its jar (java -jar), or with"
              + " the engine's jars on the class path");
    }
    for (Path jar : jars) {
      try {
        instrumentation.appendToSystemClassLoaderSearch(new JarFile(jar.toFile()));
      } catch (IOException e) {
        throw new IllegalStateException(jar + " cannot be read: " + e.getMessage(), e);
      }
    }
  }
}
