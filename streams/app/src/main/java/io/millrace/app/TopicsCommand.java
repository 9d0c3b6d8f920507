package io.millrace.app;

import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicPlan;
import io.millrace.runtime.Deployment;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace topics}: creates what a deployment needs; says what it would do first. */
@Command(
    name = "topics",
    description =
        "Creates the topics that a deployment needs; without --yes only says what it would do.",
    mixinStandardHelpOptions = true)
final class TopicsCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private DeploymentFile file;

  @Option(names = "--yes", description = "Do it.")
  private boolean yes;

  @Override
  public Integer call() {
    Deployment deployment = file.read();
    PrintWriter out = spec.commandLine().getOut();
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation creation = new TopicCreation(admin);
      TopicPlan plan = creation.plan(DeploymentTopics.of(deployment));
      plan.lines().forEach(out::println);
      if (plan.missing().isEmpty()) {
        out.println("Nothing to create.");
      } else if (yes) {
        out.println("Created " + String.join(", ", creation.apply(plan)) + ".");
      } else {
        out.println("Nothing done; --yes creates " + plan.missing().size() + " topics.");
      }
      out.flush();
      return plan.hasDifferences() ? 1 : 0;
    }
  }
}
