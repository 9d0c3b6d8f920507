package io.millrace.flink;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Apache Flink: in this process, or as jobs of a session cluster. */
public final class FlinkEngine implements Engine {
  static final String NAME = "flink";

  private static final Duration SAVEPOINT_TIMEOUT = Duration.ofMinutes(10);

  /** Made by the service loader. */
  public FlinkEngine() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public EngineRun open(Deployment deployment, LaunchSettings launch, MeterRegistry registry) {
    List<FlinkRun.Plan> plans =
        deployment.pipelines().stream()
            .map(
                pipeline ->
                    new FlinkRun.Plan(
                        pipeline.name(),
                        environment -> PipelineJob.build(environment, deployment, pipeline)))
            .toList();
    return new FlinkRun(deployment, launch, settings(deployment, launch), plans, registry);
  }

  @Override
  public EngineRun openCopy(Deployment deployment, String fromTopic, String toTopic) {
    FlinkRun.Plan plan =
        new FlinkRun.Plan(
            "copy",
            environment -> PipelineJob.buildCopy(environment, deployment, fromTopic, toTopic));
    return new FlinkRun(
        deployment,
        LaunchSettings.LOCAL,
        settings(deployment, LaunchSettings.LOCAL),
        List.of(plan),
        new SimpleMeterRegistry());
  }

  @Override
  public List<String> stop(Deployment deployment, URI address) throws InterruptedException {
    LaunchSettings launch = new LaunchSettings(Optional.of(address), LaunchSettings.LATEST);
    FlinkSettings settings = settings(deployment, launch);
    ClusterRest cluster = new ClusterRest(address);
    List<String> savepoints = new ArrayList<>();
    try {
      for (var pipeline : deployment.pipelines()) {
        String name = PipelineJob.name(deployment, pipeline.name());
        Optional<ClusterRest.Job> job = cluster.liveJob(name);
        if (job.isPresent()) {
          savepoints.add(
              name
                  + ": "
                  + cluster.stop(
                      job.get().id(), settings.savepointDirectoryOrEmpty(name), SAVEPOINT_TIMEOUT));
        }
      }
      return savepoints;
    } catch (IOException e) {
      throw new IllegalStateException(address + ": " + e.getMessage(), e);
    }
  }

  private static FlinkSettings settings(Deployment deployment, LaunchSettings launch) {
    return new FlinkSettings(
        deployment,
        launch,
        System.getProperty("java.io.tmpdir") + "/millrace-" + deployment.name());
  }
}
