package io.millrace.app;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/** What log4j2.properties cannot say because it depends on what the process does. */
public final class LogLevels {
  private static final String PROPERTY = "millrace.log";

  private LogLevels() {}

  /** A service says from which state it goes on and where it leaves it; other commands do not. */
  public static void forService() {
    if (System.getProperty(PROPERTY) == null) {
      Configurator.setLevel("io.millrace", Level.INFO);
    }
  }

  /**
   * Flink reports the checkpoint that a stop cuts short as a failed one, with its stack, and that
   * nobody waits for the figures that were asked for last. A savepoint that fails is reported by
   * the engine itself.
   */
  static void forTheEnd() {
    Configurator.setLevel(
        "org.apache.flink.runtime.checkpoint.CheckpointFailureManager", Level.ERROR);
    Configurator.setLevel("org.apache.flink.runtime.rest.handler", Level.ERROR);
  }
}
