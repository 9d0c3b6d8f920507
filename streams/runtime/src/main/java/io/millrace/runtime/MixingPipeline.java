package io.millrace.runtime;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.MixingSettings;
import java.util.List;

/**
 * A pipeline of nodes that train without a server, with what its owner needs beside the topics: to
 * publish version 0 and to tell the time.
 *
 * @param pipeline its plan
 * @param settings of its stage
 * @param tickMillis between ticks that {@code millrace run} sends; 0: it sends none
 * @param key behind {@link #authority}
 */
public record MixingPipeline(
    Pipeline pipeline, MixingSettings settings, long tickMillis, MasterKey key) {
  /** Its only stage. */
  public static final String STAGE = "mixing";

  /** Such pipelines of a deployment, in its order. */
  public static List<MixingPipeline> of(Deployment deployment) {
    DeploymentSource source = deployment.source();
    return Settings.parse(source.file(), source.yaml(), source.overrides())
        .sections("pipelines")
        .stream()
        .filter(section -> section.text("operator", "").equals(MixingFamily.OPERATOR))
        .map(section -> MixingFamily.read(section, section.requiredText("name")))
        .toList();
  }

  /**
   * The owner's word, from the file of its key. For one thread.
   *
   * @throws ConfigurationException for a file that cannot be read, or is no key
   */
  public Authority authority() {
    return key.authority();
  }

  /** Topic of version 0, gradients and ticks, partitioned by chunk. */
  public String updates() {
    return pipeline.topic(FederatedFamily.UPDATES);
  }
}
