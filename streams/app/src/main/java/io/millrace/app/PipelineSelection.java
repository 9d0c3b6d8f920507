package io.millrace.app;

import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that name a deployment file and one of its pipelines. */
public final class PipelineSelection {
  @Mixin private DeploymentFile file;

  @Option(names = "--pipeline", description = "Only this pipeline (default: all).")
  private String pipeline;

  /** The deployment. */
  public Deployment deployment() {
    return file.read();
  }

  /**
   * The pipelines meant.
   *
   * @throws ConfigurationException when the deployment has none of that name
   */
  public List<Pipeline> pipelines(Deployment deployment) {
    List<Pipeline> selected =
        deployment.pipelines().stream()
            .filter(candidate -> pipeline == null || candidate.name().equals(pipeline))
            .toList();
    if (selected.isEmpty()) {
      throw new ConfigurationException(
          "--pipeline: got "
              + pipeline
              + ", expected one of "
              + deployment.pipelines().stream().map(Pipeline::name).toList());
    }
    return selected;
  }
}
