package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.app.inspect.TopicScan;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace federated status}: where each model stands. */
@Command(
    name = "status",
    description =
        "Says of each model its round, its version, what became of updates, and its budget.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  /** What is known of a model. */
  private static final class Standing {
    private RoundStatus status;
    private ModelPointer pointer;
    private VersionCommit newest;
    private PrivacyAccount worst;
    private final Map<String, Integer> outcomes = new TreeMap<>();
  }

  @Override
  public Integer call() {
    Selected selected = selection.read();
    Map<String, Standing> models = new TreeMap<>();
    TopicScan scan = new TopicScan(selected.deployment().kafka());
    for (String channel : new String[] {"rounds", "versions", "accounts"}) {
      scan.forEach(
          selected.pipeline().pipeline().topic(channel),
          record -> {
            if (record.value() != null) {
              take(models, record.value());
            }
          });
    }
    PrintWriter out = spec.commandLine().getOut();
    models.forEach((name, standing) -> print(out, name, standing));
    if (models.isEmpty()) {
      out.println("no models");
    }
    out.flush();
    return 0;
  }

  private static void take(Map<String, Standing> models, byte[] value) {
    switch (SingleObject.recordName(value)) {
      case "RoundStatus" -> {
        RoundStatus status = SingleObject.of(RoundStatus.class).decode(value);
        of(models, status.getModel()).status = status;
      }
      case "UpdateOutcome" -> {
        UpdateOutcome outcome = SingleObject.of(UpdateOutcome.class).decode(value);
        of(models, outcome.getModel()).outcomes.merge(outcome.getOutcome(), 1, Integer::sum);
      }
      case "ModelPointer" -> {
        ModelPointer pointer = SingleObject.of(ModelPointer.class).decode(value);
        of(models, pointer.getModel()).pointer = pointer;
      }
      case "VersionCommit" -> {
        VersionCommit commit = SingleObject.of(VersionCommit.class).decode(value);
        Standing standing = of(models, commit.getModel());
        if (standing.newest == null || standing.newest.getVersion() < commit.getVersion()) {
          standing.newest = commit;
        }
      }
      case "PrivacyAccount" -> {
        PrivacyAccount account = SingleObject.of(PrivacyAccount.class).decode(value);
        Standing standing = of(models, account.getModel());
        if (standing.worst == null || standing.worst.getEpsilon() <= account.getEpsilon()) {
          standing.worst = account;
        }
      }
      default -> {
        // plans of codecs say nothing of a round
      }
    }
  }

  private static Standing of(Map<String, Standing> models, String name) {
    return models.computeIfAbsent(name, absent -> new Standing());
  }

  private static void print(PrintWriter out, String name, Standing standing) {
    out.println(name);
    if (standing.status != null) {
      RoundStatus status = standing.status;
      out.printf(
          "  round %d %s: %d of %d to %d updates whole, %d tasks open, it is %s%n",
          status.getRound(),
          status.getPhase(),
          status.getComplete(),
          status.getMinimum(),
          status.getTarget(),
          status.getOffered(),
          Instant.EPOCH.plus(status.getTimeMicros(), ChronoUnit.MICROS));
      if (status.getOlderTicks() > 0) {
        out.printf("  %,d ticks were older than another%n", status.getOlderTicks());
      }
    }
    if (standing.newest != null) {
      VersionCommit newest = standing.newest;
      out.printf(
          "  version %d from %d by %s: %d updates in it, %d not%n",
          newest.getVersion(),
          newest.getParent(),
          newest.getRule(),
          newest.getContributions().size(),
          newest.getRejected().size());
      newest.getMeasures().forEach((measure, value) -> out.printf("    %s %g%n", measure, value));
    }
    if (standing.pointer != null) {
      out.printf("  holds %d, %s%n", standing.pointer.getVersion(), standing.pointer.getCause());
    }
    standing.outcomes.forEach((outcome, count) -> out.printf("  %-14s %,d%n", outcome, count));
    if (standing.worst != null) {
      out.printf(
          "  epsilon %.4g of %s at delta %.1g%s%n",
          standing.worst.getEpsilon(),
          standing.worst.getClient(),
          standing.worst.getDelta(),
          standing.worst.getExhausted() ? ", exhausted" : "");
    }
  }
}
