package io.millrace.runtime;

import java.net.URI;
import java.util.Optional;

/**
 * How a run is started: what the command line says beside the deployment file.
 *
 * @param cluster a running cluster of the engine; empty: in this process
 * @param resumeFrom {@link #LATEST}, {@link #NOTHING}, or an engine's name of a kept state, for
 *     example a path
 */
public record LaunchSettings(Optional<URI> cluster, String resumeFrom) {
  /** From the newest state that the run before left; from the start where there is none. */
  public static final String LATEST = "latest";

  /** From the start of the topics, with empty state. */
  public static final String NOTHING = "nothing";

  /** In this process, from where the last run ended. */
  public static final LaunchSettings LOCAL = new LaunchSettings(Optional.empty(), LATEST);
}
