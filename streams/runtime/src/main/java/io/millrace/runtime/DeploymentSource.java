package io.millrace.runtime;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;

/**
 * The text that a {@link Deployment} was read from: what an engine ships to its tasks, which read
 * it again. May hold secrets.
 *
 * @param file its name, for messages
 * @param overrides variables that override scalars; others are left out
 */
public record DeploymentSource(String file, String yaml, TreeMap<String, String> overrides)
    implements Serializable {

  static DeploymentSource of(String file, String yaml, Map<String, String> environment) {
    TreeMap<String, String> overrides = new TreeMap<>(environment);
    overrides.keySet().removeIf(variable -> !variable.startsWith("MILLRACE_"));
    return new DeploymentSource(file, yaml, overrides);
  }

  /** The deployment, read anew. */
  public Deployment deployment() {
    return Deployment.parse(file, yaml, overrides);
  }

  /** Leaves the text out. */
  @Override
  public String toString() {
    return "DeploymentSource[file=" + file + "]";
  }
}
