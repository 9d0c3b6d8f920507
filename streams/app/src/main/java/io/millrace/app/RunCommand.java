package io.millrace.app;

import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicSpec;
import io.millrace.runtime.Deployment;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace run}: runs a deployment against a Kafka cluster until it is stopped. */
@Command(
    name = "run",
    description = "Runs the pipelines of a deployment file until stopped.",
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private DeploymentFile file;
  @Mixin private LaunchOptions launch;

  @Override
  public Integer call() throws InterruptedException {
    Deployment deployment = file.read();
    PrintWriter out = spec.commandLine().getOut();
    requireTopics(deployment);
    RunningDeployment running =
        RunningDeployment.start(deployment, launch.engine(), launch.settings());
    Thread stop = new Thread(running::close, "stop");
    Runtime.getRuntime().addShutdownHook(stop);
    out.println(
        "Running " + deployment.pipelines().size() + " pipelines of " + deployment.name() + ".");
    running.page().ifPresent(page -> out.println("Page: " + page));
    out.flush();
    Throwable failure = running.awaitEnd();
    if (failure != null) {
      spec.commandLine().getErr().println("millrace: stopped: " + rootMessage(failure));
      running.close();
      return 1;
    }
    return 0;
  }

  private static void requireTopics(Deployment deployment) {
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      List<String> missing =
          new TopicCreation(admin)
              .plan(DeploymentTopics.of(deployment)).missing().stream()
                  .map(TopicSpec::name)
                  .toList();
      if (!missing.isEmpty()) {
        throw new IllegalStateException(
            "topics are missing: "
                + String.join(", ", missing)
                + "; create them with: millrace topics -c FILE --yes");
      }
    }
  }

  private static String rootMessage(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.toString();
  }
}
