package io.millrace.app;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import java.io.PrintWriter;
import java.net.URI;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace stop}: ends a deployment's pipelines in a cluster, each with a savepoint. */
@Command(
    name = "stop",
    description =
        "Ends the pipelines of a deployment file that run in a cluster, each with a savepoint from"
            + " which the next run goes on. Prints the job and its savepoint, a line for each.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:ended", "1:nothing of it was running, or it could not be ended"},
    mixinStandardHelpOptions = true)
final class StopCommand implements Callable<Integer> {
  /** The one that has clusters. */
  private static final String ENGINE = "flink";

  @Spec private CommandSpec spec;
  @Mixin private DeploymentFile file;

  @Option(
      names = "--engine",
      paramLabel = "NAME",
      defaultValue = ENGINE,
      description = "Engine of the cluster (default: ${DEFAULT-VALUE}).")
  private String engine;

  @Option(
      names = "--cluster",
      required = true,
      paramLabel = "URL",
      converter = ClusterAddress.class,
      description = "REST address http://HOST:PORT of the cluster.")
  private URI cluster;

  @Override
  public Integer call() throws InterruptedException {
    Deployment deployment = file.read();
    Engines.requireKnown(deployment);
    Engine loaded = Engines.load(engine);
    List<String> stopped = loaded.stop(deployment, cluster);
    if (stopped.isEmpty()) {
      throw new IllegalStateException(
          "no pipeline of " + deployment.name() + " runs in " + cluster);
    }
    PrintWriter out = spec.commandLine().getOut();
    stopped.forEach(out::println);
    out.flush();
    return 0;
  }
}
