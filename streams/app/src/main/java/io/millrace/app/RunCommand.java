package io.millrace.app;

import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicPlan;
import io.millrace.app.topics.TopicSpec;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import io.millrace.runtime.Partitioning;
import io.millrace.runtime.Pipeline;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace run}: runs a deployment against a Kafka cluster until it is stopped. */
@Command(
    name = "run",
    description =
        "Runs the pipelines of a deployment file until stopped (Ctrl-C or SIGTERM); the next run"
            + " goes on from there. With --cluster the pipelines are the cluster's: they outlive"
            + " this command, and are ended by: millrace stop.",
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private DeploymentFile file;
  @Mixin private LaunchOptions launch;

  @Override
  public Integer call() throws InterruptedException {
    LogLevels.forService();
    Deployment deployment = file.read();
    LaunchSettings settings = launch.settings();
    try (RunningDeployment running =
        RunningDeployment.plan(deployment, launch.engine(), settings)) {
      requireTopics(deployment);
      Thread stop = new Thread(() -> stop(running, deployment, settings), "stop");
      Runtime.getRuntime().addShutdownHook(stop);
      try {
        running.start();
      } catch (IllegalStateException e) {
        if (running.isClosing()) {
          return 0;
        }
        throw e;
      }
      announce(deployment, running);
      Optional<Throwable> failure = running.awaitEnd();
      if (failure.isPresent()) {
        return failed(failure.get(), deployment, settings);
      }
      if (!running.isClosing()) {
        say(deployment.name() + " was stopped in its cluster.");
      }
      return 0;
    }
  }

  private void announce(Deployment deployment, RunningDeployment running) {
    int pipelines = deployment.pipelines().size();
    say(
        "Running "
            + pipelines
            + (pipelines == 1 ? " pipeline of " : " pipelines of ")
            + deployment.name()
            + ".");
    running.page().ifPresent(page -> say("Page: " + page));
    running.engineUi().ifPresent(ui -> say("Page of " + running.engine() + ": " + ui));
  }

  private void say(String line) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(line);
    out.flush();
  }

  /**
   * Ends the run, bounded by the engines' own limits (some 30 s for a savepoint or a close). A
   * second Ctrl-C does not cut that short; SIGKILL does, and the next run goes on from the newest
   * checkpoint or commit.
   */
  private void stop(RunningDeployment running, Deployment deployment, LaunchSettings settings) {
    if (!running.isClosing()) {
      say(
          settings.cluster().isPresent()
              ? stillThere(deployment, settings)
              : "Stopping the pipelines of " + deployment.name() + ", keeping their state ...");
    }
    running.close();
  }

  private int failed(Throwable failure, Deployment deployment, LaunchSettings settings) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("millrace: stopped: " + RunningDeployment.rootMessage(failure));
    if (settings.cluster().isPresent() && deployment.pipelines().size() > 1) {
      err.println("millrace: " + stillThere(deployment, settings));
    }
    err.flush();
    return 1;
  }

  private static String stillThere(Deployment deployment, LaunchSettings settings) {
    String address = settings.cluster().orElseThrow().toString();
    return deployment.name()
        + " goes on in "
        + address
        + "; end it with: millrace stop -c "
        + deployment.source().file()
        + " --cluster "
        + address;
  }

  private static void requireTopics(Deployment deployment) {
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicPlan plan = new TopicCreation(admin).plan(DeploymentTopics.of(deployment));
      List<String> missing = plan.missing().stream().map(TopicSpec::name).toList();
      if (!missing.isEmpty()) {
        throw new IllegalStateException(
            "topics are missing: "
                + String.join(", ", missing)
                + "; create them with: millrace topics -c FILE --yes");
      }
      requirePartitions(deployment, plan.otherPartitions());
    }
  }

  /** Where a key's partition is prescribed, another number of them would have records refused. */
  private static void requirePartitions(Deployment deployment, Map<String, Integer> others) {
    for (Pipeline pipeline : deployment.pipelines()) {
      others.forEach(
          (topic, partitions) -> {
            if (pipeline.partitioning(topic) != Partitioning.ANY) {
              throw new ConfigurationException(
                  deployment.source().file()
                      + ": topics.partitions: got "
                      + deployment.partitions()
                      + ", expected "
                      + partitions
                      + ", as many as "
                      + topic
                      + " has");
            }
          });
    }
  }
}
