package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ModelPointer;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated rollback}: an older version holds again. */
@Command(
    name = "rollback",
    description = {
      "Orders that new tasks start from an older version. Later versions stay readable; the next",
      "one is made from this. Takes effect once the version that is being made is whole."
    })
final class RollBackCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;
  @Mixin private HelpOption help;

  @Option(names = "--model", required = true, description = "Which.")
  private String model;

  @Option(names = "--version", required = true, description = "A version that is still kept.")
  private long version;

  @Override
  public Integer call() {
    FederatedSelection.requireName("--model", model);
    if (version < 0) {
      throw new ConfigurationException("--version: got " + version + ", expected 0 or more");
    }
    Selected selected = selection.read();
    try (OwnerRecords records =
        new OwnerRecords(selected.pipeline(), selected.deployment().kafka())) {
      OwnerRecords.await(records.send(new ModelPointer(model, version, "ROLLED_BACK")));
    }
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%s: version %d shall hold%n", model, version);
    out.flush();
    return 0;
  }
}
