package io.millrace.app.dashboard;

import java.util.Optional;
import java.util.function.Supplier;

/**
 * What those beside a pipeline make of its output. Asked by the feed's thread.
 *
 * @param continuation of decoders that read a KV cache's pages
 * @param evaluation of a federated model's versions
 */
public record Observations(
    Supplier<Optional<ContinuationView>> continuation,
    Supplier<Optional<EvaluationView>> evaluation) {
  /** Nobody is there. */
  public static final Observations NONE = new Observations(Optional::empty, Optional::empty);
}
