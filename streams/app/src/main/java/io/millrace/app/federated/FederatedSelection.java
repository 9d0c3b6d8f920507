package io.millrace.app.federated;

import io.millrace.app.DeploymentFile;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.runtime.MixingPipeline;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that name a deployment file and one of its federated pipelines. */
final class FederatedSelection {
  @Mixin private DeploymentFile file;

  @Option(
      names = "--pipeline",
      description = "Which one (default: the only one that is federated).")
  private String pipeline;

  /** A pipeline with its deployment. */
  record Selected(Deployment deployment, FederatedPipeline pipeline) {}

  /** Likewise, of nodes without a server. */
  record SelectedMixing(Deployment deployment, MixingPipeline pipeline) {}

  /**
   * The pipeline meant.
   *
   * @throws ConfigurationException when there is none, or more than one and none is named
   */
  Selected read() {
    Deployment deployment = file.read();
    List<FederatedPipeline> all = FederatedPipeline.of(deployment);
    List<FederatedPipeline> meant =
        all.stream()
            .filter(candidate -> pipeline == null || name(candidate).equals(pipeline))
            .toList();
    if (meant.size() != 1) {
      throw new ConfigurationException(
          "--pipeline: got "
              + (pipeline == null ? "none" : pipeline)
              + ", expected one of "
              + all.stream().map(FederatedSelection::name).toList());
    }
    return new Selected(deployment, meant.get(0));
  }

  /**
   * The pipeline of nodes without a server, when that is meant: it is named, or no other federated
   * one is there.
   */
  Optional<SelectedMixing> mixing() {
    Deployment deployment = file.read();
    boolean alone = pipeline == null && FederatedPipeline.of(deployment).isEmpty();
    List<MixingPipeline> meant =
        MixingPipeline.of(deployment).stream()
            .filter(candidate -> alone || candidate.pipeline().name().equals(pipeline))
            .toList();
    return meant.size() == 1
        ? Optional.of(new SelectedMixing(deployment, meant.get(0)))
        : Optional.empty();
  }

  /**
   * A name of a model or a client.
   *
   * @throws ConfigurationException for a text that is none
   */
  static String requireName(String option, String text) {
    if (!FederatedKeys.isName(text)) {
      throw new ConfigurationException(
          option
              + ": got "
              + text
              + ", expected 1 to 128 letters, digits, dots, dashes, underscores or colons");
    }
    return text;
  }

  private static String name(FederatedPipeline candidate) {
    return candidate.pipeline().name();
  }
}
