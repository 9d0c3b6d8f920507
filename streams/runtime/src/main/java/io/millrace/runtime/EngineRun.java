package io.millrace.runtime;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** Pipelines on their way through an engine, from plan to end. For one thread; close from any. */
public interface EngineRun extends AutoCloseable {

  /** Starts all pipelines; returns before they are running. */
  void start() throws InterruptedException;

  /**
   * Waits until every pipeline is running with its state restored.
   *
   * @return false when that takes longer than {@code timeout} or a pipeline failed
   */
  boolean awaitRunning(Duration timeout) throws InterruptedException;

  /** Waits for the first end; returns what ended it, or null after {@link #close}. */
  Throwable awaitEnd() throws InterruptedException;

  /** The engine's own page, where it has one. */
  default Optional<URI> engineUi() {
    return Optional.empty();
  }

  /**
   * Ends the run so that the next one goes on from here. Pipelines in a cluster outlive it: they
   * are only no longer watched.
   */
  @Override
  void close();
}
