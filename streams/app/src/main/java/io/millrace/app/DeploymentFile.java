package io.millrace.app;

import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option that names a deployment file. */
public final class DeploymentFile {
  @Option(
      names = {"-c", "--config"},
      required = true,
      paramLabel = "FILE",
      description = "Deployment file (YAML).")
  private Path file;

  /**
   * The deployment.
   *
   * @throws ConfigurationException with file, key, what was got and what was expected
   */
  public Deployment read() {
    try {
      return Deployment.parse(file.toString(), Files.readString(file), System.getenv());
    } catch (IOException e) {
      throw new ConfigurationException(file + ": cannot be read: " + e.getMessage());
    }
  }
}
