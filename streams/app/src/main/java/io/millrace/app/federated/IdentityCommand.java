package io.millrace.app.federated;

import io.millrace.client.ClientIdentity;
import io.millrace.runtime.ConfigurationException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace federated identity}: a client's key file. */
@Command(
    name = "identity",
    description =
        "Makes a client's key file, unless there is one, and prints the public key that the owner"
            + " registers with client-key.",
    mixinStandardHelpOptions = true)
final class IdentityCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "Holds secrets: only its owner may read it.")
  private Path file;

  @Override
  public Integer call() {
    try {
      ClientIdentity identity = ClientIdentity.in(file);
      PrintWriter out = spec.commandLine().getOut();
      out.println(HexFormat.of().formatHex(identity.publicKey()));
      out.flush();
      return 0;
    } catch (IOException e) {
      throw new ConfigurationException(
          "FILE: got " + file + ", expected a client's key file, or room for one: " + e);
    }
  }
}
