package io.millrace.app;

import io.millrace.runtime.LaunchSettings;
import java.net.URI;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that say where and from which state a deployment runs. */
final class LaunchOptions {
  @Option(
      names = "--engine",
      paramLabel = "NAME",
      defaultValue = Engines.DEFAULT,
      description = "kafka-streams or flink (default: ${DEFAULT-VALUE}).")
  private String engine;

  @Option(
      names = "--cluster",
      paramLabel = "URL",
      converter = ClusterAddress.class,
      description =
          "REST address http://HOST:PORT of a Flink session cluster (default: in this process).")
  private URI cluster;

  @Option(
      names = "--from",
      paramLabel = "STATE",
      defaultValue = LaunchSettings.LATEST,
      description =
          "Flink: latest checkpoint or savepoint, nothing, or the path of one (default:"
              + " ${DEFAULT-VALUE}).")
  private String from;

  String engine() {
    return engine;
  }

  LaunchSettings settings() {
    return new LaunchSettings(Optional.ofNullable(cluster), from);
  }
}
