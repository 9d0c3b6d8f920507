package io.millrace.app.topics;

import io.millrace.app.DeploymentFile;
import io.millrace.runtime.Deployment;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code millrace topics}: says which topics a deployment needs and what it would do, and does it
 * when told to.
 *
 * <p>Exit code 0: everything is there now; 1: it could not be done; 2: usage; 3: topics are
 * missing, or exist and differ.
 */
@Command(
    name = "topics",
    description = {
      "Says which topics a deployment needs and which are missing; with --yes it creates those.",
      "A topic that exists is never changed."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every topic is there as it should be",
      "1:the cluster did not answer, or refused",
      "2:wrong usage or settings",
      "3:topics are missing (run again with --yes), or exist and differ"
    })
public final class TopicsCommand implements Callable<Integer> {
  private static final int NOT_AS_NEEDED = 3;

  @Spec private CommandSpec spec;

  @Mixin private DeploymentFile file;

  @Option(
      names = {"-y", "--yes"},
      description = "Creates what is missing; without it nothing is changed.")
  private boolean yes;

  @Override
  public Integer call() {
    Deployment deployment = file.read();
    List<TopicSpec> wanted = DeploymentTopics.of(deployment);
    PrintWriter out = spec.commandLine().getOut();
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation creation = new TopicCreation(admin);
      TopicPlan plan = creation.plan(wanted);
      plan.lines().forEach(out::println);
      int missing = plan.missing().size();
      if (yes) {
        out.println("created " + creation.apply(plan).size() + " of " + missing + " topics");
      } else if (missing > 0) {
        out.println("nothing was changed; --yes creates the " + missing + " missing topics");
      }
      out.flush();
      return plan.hasDifferences() || missing > 0 && !yes ? NOT_AS_NEEDED : 0;
    } catch (IllegalStateException e) {
      spec.commandLine().getErr().println("millrace topics: " + e.getMessage());
      return 1;
    }
  }
}
