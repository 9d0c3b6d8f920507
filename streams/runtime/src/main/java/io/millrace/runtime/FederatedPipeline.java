package io.millrace.runtime;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.FederatedSettings;
import java.util.List;

/**
 * A pipeline of federated models with what its owner needs beside the topics: to publish, to tell
 * the time, to verify.
 *
 * @param pipeline its plan
 * @param settings of both stages
 * @param tickMillis between ticks that {@code millrace run} sends; 0: it sends none
 * @param key behind {@link #authority}
 */
public record FederatedPipeline(
    Pipeline pipeline, FederatedSettings settings, long tickMillis, MasterKey key) {
  /** Stage that holds the chunks. */
  public static final String AGGREGATION = "aggregation";

  /** Stage that decides on rounds. */
  public static final String CONTROL = "control";

  /** The federated pipelines of a deployment, in its order. */
  public static List<FederatedPipeline> of(Deployment deployment) {
    DeploymentSource source = deployment.source();
    return Settings.parse(source.file(), source.yaml(), source.overrides())
        .sections("pipelines")
        .stream()
        .filter(section -> section.text("operator", "").equals(FederatedFamily.OPERATOR))
        .map(section -> FederatedFamily.read(section, section.requiredText("name")))
        .toList();
  }

  /**
   * The aggregator's word, from the file of its key. For one thread.
   *
   * @throws ConfigurationException for a file that cannot be read, or is no key
   */
  public Authority authority() {
    return key.authority();
  }

  /** One of its two stages. */
  public Stage stage(String name) {
    return pipeline.stages().stream()
        .filter(stage -> stage.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("there is no stage " + name));
  }

  /** Topic of updates and commands, partitioned by chunk. */
  public String updates() {
    return pipeline.topic(FederatedFamily.UPDATES);
  }

  /** Topic of requests, commits, reports and ticks, partitioned by model. */
  public String control() {
    return pipeline.topic(FederatedFamily.CONTROL);
  }
}
