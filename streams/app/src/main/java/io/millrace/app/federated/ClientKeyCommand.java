package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.operator.federated.ClientSignatures;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ClientKey;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated client-key}: whose commits count. */
@Command(
    name = "client-key",
    description =
        "Registers the public key of a client, in the place of an earlier one, or ends it.",
    mixinStandardHelpOptions = true)
final class ClientKeyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Option(names = "--model", required = true, description = "Of which model.")
  private String model;

  @Option(names = "--client", required = true, description = "Its name.")
  private String client;

  @ArgGroup(multiplicity = "1")
  private Change change;

  /** A key or none. */
  static final class Change {
    @Option(names = "--public-key", description = "Ed25519, 64 hexadecimal digits.")
    private String key;

    @Option(names = "--remove", description = "The client is no longer welcome.")
    private boolean remove;
  }

  @Override
  public Integer call() {
    FederatedSelection.requireName("--model", model);
    FederatedSelection.requireName("--client", client);
    ByteBuffer key = change.remove ? ByteBuffer.allocate(0) : key(change.key);
    Selected selected = selection.read();
    try (OwnerRecords records =
        new OwnerRecords(selected.pipeline(), selected.deployment().kafka())) {
      OwnerRecords.await(records.send(new ClientKey(model, client, key)));
    }
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%s: %s %s%n", model, client, change.remove ? "is removed" : "has a key");
    out.flush();
    return 0;
  }

  private static ByteBuffer key(String text) {
    try {
      ByteBuffer key = ByteBuffer.wrap(HexFormat.of().parseHex(text));
      if (ClientSignatures.isKey(key)) {
        return key;
      }
    } catch (IllegalArgumentException e) {
      // refused below
    }
    throw new ConfigurationException(
        "--public-key: got " + text + ", expected an Ed25519 key as 64 hexadecimal digits");
  }
}
