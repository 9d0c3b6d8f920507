package io.millrace.runtime;

import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.util.List;

/**
 * A stream engine that runs pipelines: one adapter each, found by its name through {@link
 * java.util.ServiceLoader} on a class path of its own. Stateless.
 */
public interface Engine {

  /** Name on the command line, in the deployment file, in metrics, reports and the page. */
  String name();

  /**
   * Plans the pipelines of a deployment; nothing runs before {@link EngineRun#start}.
   *
   * @param registry gets the meters of {@link PipelineMeters}
   * @throws ConfigurationException for settings that this engine does not take
   */
  EngineRun open(Deployment deployment, LaunchSettings launch, MeterRegistry registry);

  /**
   * Plans a run that copies records from one topic to another under the same client settings,
   * commit interval and parallelism: the ceiling that a pipeline is measured against.
   */
  EngineRun openCopy(Deployment deployment, String fromTopic, String toTopic);

  /**
   * Ends the pipelines of a deployment that run in a cluster, keeping their state.
   *
   * @return a line for each pipeline that ran, with the place of its state
   * @throws ConfigurationException where the engine has no clusters
   */
  default List<String> stop(Deployment deployment, URI cluster) throws InterruptedException {
    throw new ConfigurationException(
        "--engine: got " + name() + ", expected one that runs in clusters");
  }
}
