package io.millrace.flink;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.DeploymentSource;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import java.io.Serializable;

/**
 * What a job graph carries instead of an operator: where its settings stand. Tasks read them again.
 *
 * @param stage place in the pipeline's list of stages
 */
record StageReference(DeploymentSource source, String pipeline, int stage) implements Serializable {

  /** A stage with the settings around it, read anew. */
  record Resolved(Deployment deployment, Pipeline pipeline, Stage stage) {}

  Resolved resolve() {
    Deployment deployment = source.deployment();
    Pipeline found =
        deployment.pipelines().stream()
            .filter(candidate -> candidate.name().equals(pipeline))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException(source + " has no pipeline " + pipeline));
    return new Resolved(deployment, found, found.stages().get(stage));
  }
}
